import Fastify from 'fastify';
import { createFaceAlignerPool, ImageDecodeError, poseFromParams, QueueFullError } from 'tddfa/node';

/** Limits of one request. */
export const LIMITS = { photoBytes: 10_000_000, photoPixels: 25_000_000, timeMs: 10_000 };

/**
 * A service that receives a photo as the body of `POST /faces` and responds with the faces in it.
 * @param options - options of the pool: `size`, `maxQueued`, `weights` …
 */
export async function createService(options = {}) {
  const pool = await createFaceAlignerPool({ maxQueued: 200, ...options });
  const service = Fastify({ bodyLimit: LIMITS.photoBytes });
  service.addContentTypeParser(/^image\//, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  service.addHook('onClose', () => pool.dispose({ wait: true }));

  service.post('/faces', async (request, reply) => {
    if (!Buffer.isBuffer(request.body)) return reply.code(415).send({ error: 'send a photo: content-type image/…' });
    // All slow work happens in the pool's threads and is aborted when its time is up.
    const signal = AbortSignal.timeout(LIMITS.timeMs);
    try {
      const { boxes, faces } = await pool.alignFile(request.body, { maxPixels: LIMITS.photoPixels, signal });
      return faces.map((face, i) => {
        const { yawDegrees, pitchDegrees, rollDegrees } = poseFromParams(face.params);
        const landmarks = Array.from(pool.reconstruct(face), (value) => Math.round(value * 100) / 100);
        return { box: boxes[i], yawDegrees, pitchDegrees, rollDegrees, landmarks };
      });
    } catch (error) {
      if (error instanceof ImageDecodeError) return reply.code(400).send({ error: error.message });
      if (error instanceof QueueFullError)
        return reply.code(503).header('retry-after', '1').send({ error: 'too busy' });
      if (signal.aborted) return reply.code(504).send({ error: `not done within ${LIMITS.timeMs / 1000} s` });
      throw error;
    }
  });
  return service;
}
