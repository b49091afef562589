import { lookup as lookupHost } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Whether an address belongs to the public internet: not loopback, private, link-local, carrier-grade NAT, cloud
 * metadata or documentation, not behind a translation to IPv4, and not multicast or broadcast.
 * @param address - IPv4 or IPv6.
 */
export function isPublicAddress(address: string): boolean {
  // For an IPv4 address written as IPv6, the IPv4 address counts.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/** The host of a URL as an address; undefined if it is a name. */
export function addressOfHost(hostname: string): string | undefined {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 ? undefined : bare;
}

/** Decides which addresses may be contacted. */
export type AddressRule = (address: string) => boolean;

/** A host has no address that may be contacted. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError';
  constructor(host: string) {
    super(`${host} is not an address of the public internet`);
  }
}

/**
 * A look-up like `dns.lookup` that omits addresses that may not be contacted. A connection made with it goes to an
 * address that was checked, whatever the name resolves to a moment later.
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
