/** What the central API's bootstrap document says of sign-in. */
export interface IdentityConfig {
  issuer: string;
  clientId: string;
  scopes: string[];
  /** RFC 8707: whom the access token is for; undefined: the provider refuses to be asked that, and knows by the scopes. */
  resource: string | undefined;
  /** Name or path of the claim with the person's groups: `groups`, `realm_access.roles`. */
  groupsClaim: string;
}

/** The parameter of requests to the provider. */
export const resourceOf = ({ resource }: IdentityConfig): { resource?: string } => (resource === undefined ? {} : { resource });
