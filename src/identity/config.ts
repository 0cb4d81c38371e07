/** What the central API's bootstrap document says of sign-in. */
export interface IdentityConfig {
  issuer: string;
  clientId: string;
  scopes: string[];
  /** RFC 8707: whom the access token is for. */
  resource: string;
  /** Name or path of the claim with the person's groups: `groups`, `realm_access.roles`. */
  groupsClaim: string;
}
