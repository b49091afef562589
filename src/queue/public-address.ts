import { lookup as lookupHost } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Whether an address is one of the public internet: not of this machine, a private network, a link, a carrier, a cloud's metadata
 * or a range for documents, not behind a translation to IPv4, and not for many receivers.
 * @param address - IPv4 or IPv6.
 */
export function isPublicAddress(address: string): boolean {
  // Of an IPv4 address written as IPv6 the former counts.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/** The host of a URL as an address, undefined where it is a name. */
export function addressOfHost(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 ? undefined : bare;
}

/** Says which addresses may be asked. */
export type AddressRule = (address: string) => boolean;

/** A host has no address that may be asked. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError';
  constructor(host: string) {
    super(`${host} is not an address of the public internet`);
  }
}

/**
 * A look-up that does as `dns.lookup` does, and leaves out what may not be asked. A connection made with it goes to an address that
 * was checked, whatever the name means a moment later.
 */
export function lookupAllowed(isAllowed: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    lookupHost(hostname, { ...options, all: true }, (error, found) => {
      if (error) {
        callback(error, '', 0);
        return;
      }
      const allowed = found.filter(({ address }) => isAllowed(address));
      const [first] = allowed;
      if (first === undefined) callback(new ForbiddenAddressError(hostname), '', 0);
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}
