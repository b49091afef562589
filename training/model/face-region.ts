/**
 * The vertices of the MakeHuman base mesh that form the face, and the 68 landmarks among them (iBUG order, image left first).
 * Chosen by anatomy on textured close-ups of the mean head: lids on the lid margin, lips on the vermilion border, jaw on the
 * mandible's edge. If no vertex lies at the place, one of the face mesh's vertices slides there: `LANDMARK_PLACES`.
 */

// biome-ignore format: a table
export const LANDMARK_VERTICES: readonly number[] = [
  5754, 5750, 866, 911, 739, 893, 891, 914, 5296, 7616, 7593, 7595, 7459, 7613, 7571, 12347, 12351,
  254, 207, 176, 177, 181, 6957, 6953, 6952, 6982, 7023, 134, 5063, 291, 5054, 333, 314, 317,
  7077, 7095, 24, 0, 54, 69, 6772, 6776, 6853, 6838, 6784, 6808, 13372, 13368, 422, 410, 450,
  455, 7210, 7170, 7182, 7166, 7241, 492, 486, 406, 428, 471, 474, 7227, 7188, 7242, 493, 487,
];

/** Inclusive ranges of the skin's vertices; all body quads between them belong to the face. */
// biome-ignore format: a table
export const SKIN_VERTEX_RANGES: readonly (readonly [number, number])[] = [
  [0, 225], [227, 246], [248, 544], [546, 557], [560, 561], [566, 568], [574, 574], [711, 737],
  [739, 744], [746, 747], [780, 780], [859, 859], [866, 871], [891, 922], [989, 991], [993, 993],
  [997, 1001], [1055, 1080], [1086, 1088], [1093, 1098], [1100, 1106], [3695, 3711], [3729, 3750], [4847, 4898],
  [5049, 5102], [5104, 5104], [5127, 5265], [5286, 5307], [5318, 5346], [5349, 5354], [5359, 5364], [5394, 5394],
  [5398, 5398], [5402, 5402], [5411, 5411], [5562, 5564], [5727, 5727], [5735, 5736], [5745, 5745], [5750, 5750],
  [5754, 5754], [5759, 5759], [5763, 5763], [5769, 5769], [6756, 6999], [7001, 7016], [7018, 7287], [7289, 7298],
  [7301, 7302], [7307, 7309], [7434, 7457], [7459, 7464], [7466, 7466], [7564, 7564], [7571, 7576], [7593, 7624],
  [7684, 7685], [7687, 7687], [7691, 7695], [7747, 7772], [7778, 7780], [7785, 7790], [7792, 7798], [10363, 10379],
  [10397, 10417], [11465, 11516], [11667, 11717], [11719, 11719], [11742, 11873], [11892, 11912], [11923, 11948], [11951, 11956],
  [11961, 11966], [11993, 11993], [11997, 11997], [12001, 12001], [12010, 12010], [12159, 12161], [12324, 12324], [12332, 12333],
  [12342, 12342], [12347, 12347], [12351, 12351], [12356, 12356], [12360, 12360], [12366, 12366], [13352, 13379],
];

/**
 * Landmarks that lie between the base mesh's vertices: the landmark's number, and its place on the mean adult's skin in mm of the
 * base mesh's frame. Those of the other side are mirrored.
 *
 * - 0..7: as 3DDFA's 3-D jaw runs, from before the ear, 9 mm below the height of the eye's outer corner, along the face's side and
 *   the mandible's edge to the chin, at even steps of 17 mm as seen from the front.
 * - 17..21: the upper edge of the brow, where half of MakeHuman's twelve brows have hair, at even steps.
 * - 27..30: the nose's bone from the nasion, at the height of the eyes, to its tip, at even steps; 31: below the wing.
 * - 49..59: the vermilion border, where the skin's redness (averaged over the skins) leaves that of the skin around.
 */
// biome-ignore format: a table
export const LANDMARK_PLACES: readonly (readonly [number, readonly [number, number, number]])[] = [
  [0, [-67.2, 721.0, 71.4]], [1, [-66.8, 703.6, 69.6]], [2, [-64.5, 687.4, 69.6]], [3, [-59.5, 672.2, 68.8]],
  [4, [-54.3, 657.6, 72.8]], [5, [-48.1, 644.3, 90.3]], [6, [-33.2, 631.0, 109.1]], [7, [-17.7, 624.3, 126.7]],
  [17, [-53.6, 738.6, 122.0]], [18, [-44.5, 743.8, 134.8]], [19, [-34.4, 744.2, 141.7]], [20, [-24.3, 742.1, 144.4]],
  [21, [-13.1, 738.9, 144.4]],
  [27, [0, 727.1, 144.5]], [28, [0, 714.8, 149.4]], [29, [0, 702.7, 157.7]], [30, [0, 692.1, 162.6]], [31, [-13.6, 684.4, 145.3]],
  [49, [-15.6, 666.5, 149.0]], [50, [-5.3, 670.0, 154.3]], [51, [0, 669.4, 155.1]],
  [57, [0, 651.5, 150.5]], [58, [-6.4, 651.9, 149.7]], [59, [-17.0, 654.7, 145.2]],
];

/** The mirrored counterpart of each of the 68 landmarks. */
// biome-ignore format: a table
export const LANDMARK_MIRROR: readonly number[] = [
  16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
  27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
  54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
];

/** On the skin in front of the ears, right and left: the model's origin lies midway between these base vertices. */
export const ORIGIN_VERTICES = [5754, 12351] as const;

/** Edges of the left eye's lids that meet when it shuts: upper vertex, lower vertex. */
export const LEFT_LID_PAIRS: readonly (readonly [number, number])[] = [
  [6784, 6825],
  [6785, 6828],
  [6838, 6831],
];

/** First and last vertex of the left eyeball's sphere (helper-l-eye). The right one's are its mirror images. */
export const LEFT_EYEBALL_VERTICES: readonly [number, number] = [14598, 14669];
/** The tongue (helper-tongue) from here forward is part of the face: decimetres of the base mesh. */
export const TONGUE_BACK = 1;

/** The vertices of ranges that include their ends. */
export function fromRanges(ranges: readonly (readonly [number, number])[]): number[] {
  return ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, i) => first + i));
}
