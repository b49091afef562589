/** A typedoc plugin: groups the API by the files that declare it, so that no comment needs a category tag. */
import { Comment, CommentTag, Converter, ReflectionKind } from 'typedoc';

/** The first match counts. */
const CATEGORIES = [
  [/^src\/errors\.ts/, 'Errors'],
  [/^src\/video\//, 'Video'],
  [/^src\/(image-files|video-files)\/|^src\/browser\/read-pixels/, 'Images and video files'],
  [/^src\/(engine|wasm)\/|^src\/package-files|^src\/browser\/folder-weights/, 'Weights and backends'],
  [/^src\/(face-aligner|node|browser|workers)\b|^src\/models\//, 'Faces'],
  [
    /^src\/geometry\/(depth|draw|picture|pncc|raster|interpolate|render|resize-picture|shading|sheet|textured|uv-texture|visibility|surface-kernel)/,
    'Pictures',
  ],
  [/^src\/geometry\/(face-mesh|glb|mesh|mesh-holes|normals|obj|ply|expression-targets)\b/, 'Meshes'],
  [/^src\/geometry\//, 'Model and parameters'],
  [/^src\/three\//, 'three.js'],
  [/^src\/(react|element)\//, 'React and HTML'],
  [/^src\/types\.ts/, 'Faces'],
];

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const module of context.project.children ?? []) {
      if (!module.kindOf(ReflectionKind.Module)) continue;
      for (const declared of module.children ?? []) categorise(declared);
    }
  });
}

/** @param {import('typedoc').DeclarationReflection} declared */
function categorise(declared) {
  const file = declared.sources?.[0]?.fullFileName.replaceAll('\\', '/') ?? '';
  const path = file.slice(file.lastIndexOf('/src/') + 1);
  const category = CATEGORIES.find(([pattern]) => pattern.test(path))?.[1];
  if (category === undefined) return;
  for (const described of declared.signatures ?? [declared]) {
    described.comment ??= new Comment();
    if (described.comment.getTag('@category') === undefined) {
      described.comment.blockTags.push(new CommentTag('@category', [{ kind: 'text', text: category }]));
    }
  }
}
