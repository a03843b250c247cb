/**
 * Signing in, where the API wants it: OpenID Connect's code flow with PKCE. `sign-in.json` beside the dashboard says
 * with whom; as long as it names nobody, as it is shipped, nobody has to sign in.
 */
import type { UserManager } from "oidc-client-ts";
import { api } from "../api/client.ts";

/** What `sign-in.json` may hold. */
interface Settings {
  /** The issuer's address, under which its discovery document lies. */
  readonly authority?: string;
  /** The name by which the issuer knows the dashboard. */
  readonly client_id?: string;
  /** What is asked for; `openid` when absent. */
  readonly scope?: string;
}

/** What is carried through the issuer's pages: the view to come back to. */
interface Errand {
  readonly fragment: string;
}

/**
 * Makes sure that somebody has been through sign-in, where that is wanted, and that every request says who. Leaves the page for the
 * issuer's where nobody is.
 */
export async function signIn(): Promise<void> {
  const response = await fetch("./sign-in.json", { headers: { accept: "application/json" } });
  const settings: Settings = response.ok ? await response.json() : {};
  if (!settings.authority || !settings.client_id) return;

  const { UserManager } = await import("oidc-client-ts");
  const manager = new UserManager({
    authority: settings.authority,
    client_id: settings.client_id,
    scope: settings.scope ?? "openid",
    redirect_uri: location.origin + location.pathname,
    // A token that has expired is answered by 401, which leads to the issuer; it lets a known person pass.
    automaticSilentRenew: false,
  });
  const token = (await returned(manager)) ?? (await kept(manager)) ?? (await leave(manager));
  api.use({
    onRequest({ request }) {
      request.headers.set("authorization", `Bearer ${token}`);
    },
    onResponse({ response }) {
      if (response.status === 401) leave(manager);
    },
  });
}

/** The token that the issuer sent the person back with; puts the view back that was left. */
async function returned(manager: UserManager): Promise<string | undefined> {
  const query = new URLSearchParams(location.search);
  if (!query.has("state") || !(query.has("code") || query.has("error"))) return undefined;
  const user = await manager.signinRedirectCallback();
  const { fragment } = user.state as Errand;
  history.replaceState(null, "", location.pathname + fragment);
  return user.access_token;
}

/** The token of an earlier page of this tab. */
async function kept(manager: UserManager): Promise<string | undefined> {
  const user = await manager.getUser();
  return user && !user.expired ? user.access_token : undefined;
}

/** Goes to the issuer; the page ends here. */
async function leave(manager: UserManager): Promise<never> {
  const errand: Errand = { fragment: location.hash };
  await manager.signinRedirect({ state: errand });
  return new Promise(() => undefined);
}
