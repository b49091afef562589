import { Option } from 'commander';
import { WEIGHT_STORAGES } from '../engine/weights/layers-file.ts';

/** `--storage`: how the networks of a new pack are stored. */
export function storageOption(): Option {
  const what =
    'float16 halves the size of networks and bases; uint8 stores the large kernels of networks as bytes and the rest as float16';
  return new Option('--storage <type>', what).choices(WEIGHT_STORAGES).default('float32');
}
