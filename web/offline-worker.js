/**
 * Keeps the page so that it opens without a network. Thirty lines, whereas workbox would bring about two hundred
 * packages. The model is not part of it: the page keeps that itself.
 */
const FILES = [];
const CACHE = 'tddfa-page-VERSION';
const PREFIX = 'tddfa-page-';

addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' }))))
      .then(() => skipWaiting()),
  );
});

addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => names.filter((name) => name.startsWith(PREFIX) && name !== CACHE))
      .then((old) => Promise.all(old.map((name) => caches.delete(name))))
      .then(() => clients.claim()),
  );
});

/**
 * The page itself comes from the network while there is one, so that nobody is stuck with an old one; its files are
 * named by content.
 */
addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET' || !request.url.startsWith(registration.scope)) return;
  const kept = () => caches.open(CACHE).then((cache) => cache.match(request, { ignoreSearch: true }));
  if (request.mode === 'navigate')
    event.respondWith(fetch(request).catch(async () => (await kept()) ?? Response.error()));
  else event.respondWith(kept().then((found) => found ?? fetch(request)));
});
