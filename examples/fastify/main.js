// npm install && npm start, then: curl --data-binary @portrait.jpg -H 'content-type: image/jpeg' localhost:3000/faces
import { createService } from './service.js';

const service = await createService();
console.log(await service.listen({ port: Number(process.env.PORT ?? 3000) }));
process.once('SIGTERM', () => service.close());
