/** The files of 3DDFA_V2 that `weights pull` fetches, at one commit, each known by its git blob id. */

export const UPSTREAM_COMMIT = '1b6c67601abffc1e9f248b291708aef0e43b55ae';

/** Where the original's files are on the web. */
export const UPSTREAM_URL = `https://raw.githubusercontent.com/cleardusk/3DDFA_V2/${UPSTREAM_COMMIT}`;

export interface UpstreamFile {
  /** Both in the original's repository and in the folder to convert. */
  readonly path: string;
  /** Git's name for the content: SHA-1 of `blob `, the length, a NUL and the bytes. */
  readonly blobId: string;
  /** Model of the pack that needs it. */
  readonly model: UpstreamModel;
}

/** Parts that can be requested individually; names of models in the pack. */
export type UpstreamModel = 'mb1' | 'mb05' | 'faceboxes' | 'bfm' | 'face-maps' | 'param-mean-std-62d';

/** Valid names for `--only`; the normalisation comes with the regressors. */
export const UPSTREAM_MODELS = ['mb1', 'mb05', 'faceboxes', 'bfm', 'face-maps'] as const;

/** Models that are computed from the Basel Face Model. */
export const ACADEMIC_MODELS: readonly UpstreamModel[] = ['bfm', 'face-maps'];

export const UPSTREAM_FILES: readonly UpstreamFile[] = [
  { path: 'weights/mb1_120x120.pth', blobId: 'bb78e0cd616fa578febb725b4be3a3ddd546f6b4', model: 'mb1' },
  { path: 'weights/mb05_120x120.pth', blobId: '6b7be882d53da54cc84732b295695d5c89c93bc3', model: 'mb05' },
  {
    path: 'FaceBoxes/weights/FaceBoxesProd.pth',
    blobId: '89c411c20eb55668e224b04cba549687ea242b57',
    model: 'faceboxes',
  },
  {
    path: 'configs/param_mean_std_62d_120x120.pkl',
    blobId: '110c0f3eda9f7c610dd20a4ac96de848b76de443',
    model: 'param-mean-std-62d',
  },
  { path: 'configs/bfm_noneck_v3.pkl', blobId: '7a44e1e29d658fc5d7303eb07cd820b23daab34a', model: 'bfm' },
  { path: 'configs/tri.pkl', blobId: '31b52dcfb1a823649a6157f784ce39304c96ca6d', model: 'face-maps' },
  { path: 'configs/ncc_code.npy', blobId: 'b1411ff3a716a1d87d43c865525007e6d65fd2f0', model: 'face-maps' },
  { path: 'configs/indices.npy', blobId: '8dc0fbd5fcd3f46528ce0c8cb40fd5fa8432bed4', model: 'face-maps' },
  { path: 'configs/BFM_UV.mat', blobId: 'fa205443b62307647358facf6fd92b13166d0d86', model: 'face-maps' },
];

/** Shown before anything is downloaded. */
export const CODE_LICENCE_TEXT = `3DDFA_V2 (code, networks): https://github.com/cleardusk/3DDFA_V2

MIT License

Copyright (c) 2017 Max deGroot, Ellis Brown
Copyright (c) 2019 Zisian Wong, Shifeng Zhang
Copyright (c) 2020 Jianzhu Guo, in Center for Biometrics and Security Research (CBSR)

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`;

/** Shown with it if the morphable model or the maps are requested. */
export const ACADEMIC_LICENCE_TEXT = `Basel Face Model 2009 (morphable model, triangles, codes, texture coordinates): https://faces.dmi.unibas.ch/bfm/

These files derive from the Basel Face Model, which belongs to the University of
Basel and is NOT free: it is for academic research only. You may not use it, or
what you make with it, commercially, and may not pass it on to others. Its full
terms are at the address above; whoever downloads it is bound by them.
`;
