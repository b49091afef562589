/*
 * The software renderer of training images: z-buffer, textures, vertex paint, second-order spherical harmonics, directional
 * lights with one shadow map, and blended layers (brows, lashes, lenses). Compiled at run time by native.py.
 *
 * Coordinates: x to the right, y down, in pixels of the (supersampled) canvas; z larger = nearer. Colours are linear.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define MATERIAL_FLOATS 12
/* Rows of `materials`: 0..2 tint, 3 specular, 4 gloss, 5 two-sided, 6 alpha scale, 7 light leak (0..1), 8.. unused. */

typedef struct {
  const float *position; /* [vertices x 3] canvas px */
  const float *normal;   /* [vertices x 3] unit, camera frame: y up, z to the viewer */
  const float *paint;    /* [vertices x 4] colour and cover */
  const float *occlusion;/* [vertices] ambient light that arrives, 0..1 */
  const int32_t *triangle; /* [triangles x 3] */
  const int32_t *material; /* [triangles] */
  const float *uv;       /* [triangles x 3 x 2] */
  const float *const *texture; /* [materials] linear rgba floats, or null */
  const int32_t *texture_size; /* [materials x 2] width, height */
  const float *materials; /* [materials x MATERIAL_FLOATS] */
} Scene;

static int bounds(const float *a, const float *b, const float *c, int width, int height, int *x0, int *x1, int *y0, int *y1) {
  float lx = fminf(a[0], fminf(b[0], c[0])), hx = fmaxf(a[0], fmaxf(b[0], c[0]));
  float ly = fminf(a[1], fminf(b[1], c[1])), hy = fmaxf(a[1], fmaxf(b[1], c[1]));
  if (!(hx >= 0 && hy >= 0 && lx <= width && ly <= height)) return 0;
  *x0 = lx < 0.5f ? 0 : (int)ceilf(lx - 0.5f);
  *y0 = ly < 0.5f ? 0 : (int)ceilf(ly - 0.5f);
  *x1 = hx > width - 0.5f ? width - 1 : (int)floorf(hx - 0.5f);
  *y1 = hy > height - 0.5f ? height - 1 : (int)floorf(hy - 0.5f);
  return *x0 <= *x1 && *y0 <= *y1;
}

/* Nearest triangle at each pixel: ids [h x w] (-1 none), bary [h x w x 2], depth [h x w]. */
void rasterize(const float *position, const int32_t *triangle, const uint8_t *two_sided, int triangles, int width, int height,
               int32_t *ids, float *bary, float *depth) {
  for (int i = 0; i < width * height; i++) { ids[i] = -1; depth[i] = -1e30f; }
  for (int t = 0; t < triangles; t++) {
    const float *a = position + 3 * triangle[3 * t], *b = position + 3 * triangle[3 * t + 1], *c = position + 3 * triangle[3 * t + 2];
    float area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    /* y grows downwards, so a front face has negative area. */
    if (area >= -1e-9f && !(two_sided[t] && area > 1e-9f)) continue;
    int x0, x1, y0, y1;
    if (!bounds(a, b, c, width, height, &x0, &x1, &y0, &y1)) continue;
    float inverse = 1.0f / area;
    for (int y = y0; y <= y1; y++) {
      float py = y + 0.5f;
      for (int x = x0; x <= x1; x++) {
        float px = x + 0.5f;
        float u = ((b[0] - px) * (c[1] - py) - (b[1] - py) * (c[0] - px)) * inverse;
        float v = ((c[0] - px) * (a[1] - py) - (c[1] - py) * (a[0] - px)) * inverse;
        float w = 1.0f - u - v;
        if (u < -1e-5f || v < -1e-5f || w < -1e-5f) continue;
        float z = u * a[2] + v * b[2] + w * c[2];
        int k = y * width + x;
        if (z > depth[k]) { depth[k] = z; ids[k] = t; bary[2 * k] = u; bary[2 * k + 1] = v; }
      }
    }
  }
}

/* Area-weighted vertex normals. */
void vertex_normals(const float *position, int vertices, const int32_t *triangle, int triangles, float *normal) {
  memset(normal, 0, sizeof(float) * 3 * vertices);
  for (int t = 0; t < triangles; t++) {
    const float *a = position + 3 * triangle[3 * t], *b = position + 3 * triangle[3 * t + 1], *c = position + 3 * triangle[3 * t + 2];
    float u[3] = {b[0] - a[0], b[1] - a[1], b[2] - a[2]}, v[3] = {c[0] - a[0], c[1] - a[1], c[2] - a[2]};
    float n[3] = {u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]};
    for (int k = 0; k < 3; k++) {
      float *o = normal + 3 * triangle[3 * t + k];
      o[0] += n[0]; o[1] += n[1]; o[2] += n[2];
    }
  }
  for (int i = 0; i < vertices; i++) {
    float *n = normal + 3 * i, length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) + 1e-12f;
    n[0] /= length; n[1] /= length; n[2] /= length;
  }
}

static void sample_texture(const float *texture, int width, int height, float u, float v, float *out) {
  float x = u * width - 0.5f, y = (1.0f - v) * height - 0.5f;
  int x0 = (int)floorf(x), y0 = (int)floorf(y);
  float fx = x - x0, fy = y - y0;
  int x1 = x0 + 1, y1 = y0 + 1;
  /* Textures repeat, so that hair and cloth can be tiled. */
  x0 = ((x0 % width) + width) % width; x1 = ((x1 % width) + width) % width;
  y0 = ((y0 % height) + height) % height; y1 = ((y1 % height) + height) % height;
  const float *p = texture + 4 * (y0 * width + x0), *q = texture + 4 * (y0 * width + x1);
  const float *r = texture + 4 * (y1 * width + x0), *s = texture + 4 * (y1 * width + x1);
  for (int k = 0; k < 4; k++) out[k] = (p[k] * (1 - fx) + q[k] * fx) * (1 - fy) + (r[k] * (1 - fx) + s[k] * fx) * fy;
}

/* lights: [count x 8] direction (unit, towards the light), colour, 6: is shadowed by the map, 7 unused.
   harmonics: [9 x 3]. shadow: depth map seen from the first light; shadow_matrix [3 x 4]: canvas x, y, z -> map x, y, z. */
typedef struct {
  const float *lights;
  int light_count;
  const float *harmonics;
  const float *shadow;
  int shadow_size;
  const float *shadow_matrix;
  float shadow_bias;
} Lighting;

static float lit(const Lighting *l, float x, float y, float z) {
  if (!l->shadow) return 1.0f;
  const float *m = l->shadow_matrix;
  float u = m[0] * x + m[1] * y + m[2] * z + m[3], v = m[4] * x + m[5] * y + m[6] * z + m[7];
  float w = m[8] * x + m[9] * y + m[10] * z + m[11] + l->shadow_bias;
  float sum = 0;
  for (int dy = -1; dy <= 1; dy++)
    for (int dx = -1; dx <= 1; dx++) {
      int i = (int)floorf(u) + dx, j = (int)floorf(v) + dy;
      if (i < 0 || j < 0 || i >= l->shadow_size || j >= l->shadow_size) { sum += 1; continue; }
      sum += l->shadow[j * l->shadow_size + i] <= w;
    }
  return sum / 9.0f;
}

static void shade(const Scene *s, const Lighting *l, int t, float u, float v, float x, float y, float z, float *out) {
  const int32_t *i = s->triangle + 3 * t;
  float w = 1 - u - v;
  int m = s->material[t];
  const float *mat = s->materials + MATERIAL_FLOATS * m;
  float n[3], paint[4], base[4] = {1, 1, 1, 1};
  for (int k = 0; k < 3; k++) n[k] = u * s->normal[3 * i[0] + k] + v * s->normal[3 * i[1] + k] + w * s->normal[3 * i[2] + k];
  float length = sqrtf(n[0] * n[0] + n[1] * n[1] + n[2] * n[2]) + 1e-9f, flip = 1;
  if (mat[5] > 0 && n[2] < 0) flip = -1;
  for (int k = 0; k < 3; k++) n[k] *= flip / length;
  for (int k = 0; k < 4; k++) paint[k] = u * s->paint[4 * i[0] + k] + v * s->paint[4 * i[1] + k] + w * s->paint[4 * i[2] + k];
  float occlusion = u * s->occlusion[i[0]] + v * s->occlusion[i[1]] + w * s->occlusion[i[2]];
  if (s->texture[m]) {
    const float *c = s->uv + 6 * t;
    sample_texture(s->texture[m], s->texture_size[2 * m], s->texture_size[2 * m + 1], u * c[0] + v * c[2] + w * c[4],
                   u * c[1] + v * c[3] + w * c[5], base);
  }
  for (int k = 0; k < 3; k++) {
    base[k] *= mat[k];
    base[k] += (paint[k] - base[k]) * paint[3];
  }
  const float *h = l->harmonics;
  float basis[9] = {1, n[1], n[2], n[0], n[0] * n[1], n[1] * n[2], 3 * n[2] * n[2] - 1, n[0] * n[2], n[0] * n[0] - n[1] * n[1]};
  float light[3] = {0, 0, 0}, shine[3] = {0, 0, 0};
  for (int k = 0; k < 9; k++)
    for (int j = 0; j < 3; j++) light[j] += basis[k] * h[3 * k + j];
  for (int j = 0; j < 3; j++) light[j] = fmaxf(light[j], 0.02f) * occlusion;
  for (int q = 0; q < l->light_count; q++) {
    const float *d = l->lights + 8 * q;
    float facing = n[0] * d[0] + n[1] * d[1] + n[2] * d[2];
    float leak = mat[7];
    float amount = fmaxf((facing + leak) / (1 + leak), 0);
    if (amount <= 0) continue;
    float open = d[6] > 0 ? lit(l, x, y, z) : 1.0f;
    float half[3] = {d[0], d[1], d[2] + 1};
    float hl = sqrtf(half[0] * half[0] + half[1] * half[1] + half[2] * half[2]) + 1e-9f;
    float glint = fmaxf((n[0] * half[0] + n[1] * half[1] + n[2] * half[2]) / hl, 0);
    glint = glint > 0.5f ? mat[3] * powf(glint, mat[4]) * (1 - 0.7f * paint[3]) : 0;
    for (int j = 0; j < 3; j++) {
      light[j] += open * amount * d[3 + j] * (0.5f + 0.5f * occlusion);
      shine[j] += open * glint * d[3 + j];
    }
  }
  for (int j = 0; j < 3; j++) out[j] = base[j] * light[j] + shine[j];
  out[3] = base[3] * mat[6];
}

/* Colours of the opaque pixels: image [h x w x 4], premultiplied by cover (1 or 0). */
void shade_opaque(const Scene *s, const Lighting *l, int width, int height, const int32_t *ids, const float *bary,
                  const float *depth, float *image) {
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++) {
      int k = y * width + x;
      float *o = image + 4 * k;
      if (ids[k] < 0) { o[0] = o[1] = o[2] = o[3] = 0; continue; }
      shade(s, l, ids[k], bary[2 * k], bary[2 * k + 1], x + 0.5f, y + 0.5f, depth[k], o);
      o[3] = 1;
    }
}

/* Blends triangles first..last over the image wherever they are not behind it by more than `bias`. */
void blend_layer(const Scene *s, const Lighting *l, int first, int last, int width, int height, float bias, const float *depth,
                 float *image) {
  for (int t = first; t < last; t++) {
    const float *a = s->position + 3 * s->triangle[3 * t], *b = s->position + 3 * s->triangle[3 * t + 1],
                *c = s->position + 3 * s->triangle[3 * t + 2];
    float area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    if (fabsf(area) < 1e-9f) continue;
    int x0, x1, y0, y1;
    if (!bounds(a, b, c, width, height, &x0, &x1, &y0, &y1)) continue;
    float inverse = 1.0f / area;
    for (int y = y0; y <= y1; y++)
      for (int x = x0; x <= x1; x++) {
        float px = x + 0.5f, py = y + 0.5f;
        float u = ((b[0] - px) * (c[1] - py) - (b[1] - py) * (c[0] - px)) * inverse;
        float v = ((c[0] - px) * (a[1] - py) - (c[1] - py) * (a[0] - px)) * inverse;
        float w = 1.0f - u - v;
        if (u < 0 || v < 0 || w < 0) continue;
        float z = u * a[2] + v * b[2] + w * c[2];
        int k = y * width + x;
        if (z < depth[k] - bias) continue;
        float colour[4];
        shade(s, l, t, u, v, px, py, z, colour);
        float cover = fminf(fmaxf(colour[3], 0), 1), *o = image + 4 * k;
        for (int j = 0; j < 3; j++) o[j] = o[j] * (1 - cover) + colour[j] * cover;
        o[3] = o[3] + (1 - o[3]) * cover;
      }
  }
}

/* Averages 2 x 2 blocks, turns linear colour into 8-bit square-root colour, premultiplied by cover: [h/2 x w/2 x 4]. */
void resolve(const float *image, int width, int height, float exposure, uint8_t *out) {
  int w = width / 2, h = height / 2;
  for (int y = 0; y < h; y++)
    for (int x = 0; x < w; x++) {
      float sum[4] = {0, 0, 0, 0};
      for (int j = 0; j < 2; j++)
        for (int i = 0; i < 2; i++) {
          const float *p = image + 4 * ((2 * y + j) * width + 2 * x + i);
          for (int k = 0; k < 3; k++) sum[k] += fminf(sqrtf(fmaxf(p[k] * exposure, 0)), 1.0f) * p[3];
          sum[3] += p[3];
        }
      for (int k = 0; k < 4; k++) out[4 * (y * w + x) + k] = (uint8_t)(sum[k] * 0.25f * 255.0f + 0.5f);
    }
}

/* Adds to `seen` [vertices] 1 for each vertex that the depth map does not hide. */
void visible_vertices(const float *position, int vertices, const float *depth, int width, int height, float bias, float *seen) {
  for (int i = 0; i < vertices; i++) {
    int x = (int)floorf(position[3 * i]), y = (int)floorf(position[3 * i + 1]);
    if (x < 0 || y < 0 || x >= width || y >= height || position[3 * i + 2] >= depth[y * width + x] - bias) seen[i] += 1;
  }
}
