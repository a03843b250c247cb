import { describe, expect, inject, it } from "vitest";
import { address, useBrowser, withPage } from "./browser.ts";
import { GROUP, query } from "./business.ts";

useBrowser();

const ISSUER = "/issuer";
const VIEW = `#/customers?${query({ [GROUP.filter.parameter]: GROUP.value })}`;
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** An issuer that lets everybody in at once, within the page's own origin. */
function idToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: inject("baseUrl") + ISSUER,
    aud: "dashboard",
    sub: "somebody",
    iat: now,
    exp: now + 3600,
  };
  return `${encode({ alg: "none" })}.${encode(claims)}.`;
}

describe("signing in", () => {
  it("leads through the issuer back to the same view, and every request then says who asks", () =>
    withPage(async (page) => {
      const issuer = inject("baseUrl") + ISSUER;
      const json = (body: unknown) => ({ contentType: "application/json", body: JSON.stringify(body) });
      await page.route("**/sign-in.json", (route) =>
        route.fulfill(json({ authority: issuer, client_id: "dashboard" })),
      );
      await page.route("**/issuer/.well-known/openid-configuration", (route) =>
        route.fulfill(
          json({
            issuer,
            authorization_endpoint: `${issuer}/authorize`,
            token_endpoint: `${issuer}/token`,
          }),
        ),
      );
      const asked: URLSearchParams[] = [];
      await page.route("**/issuer/authorize?*", (route) => {
        const query = new URL(route.request().url()).searchParams;
        asked.push(query);
        const back = `${query.get("redirect_uri")}?code=once&state=${query.get("state")}`;
        return route.fulfill({
          contentType: "text/html",
          body: `<!doctype html><script>location.replace(${JSON.stringify(back)})</script>`,
        });
      });
      const exchanged: URLSearchParams[] = [];
      await page.route("**/issuer/token", (route) => {
        exchanged.push(new URLSearchParams(route.request().postData() ?? ""));
        return route.fulfill(
          json({ access_token: "the-token", token_type: "Bearer", expires_in: 3600, id_token: idToken() }),
        );
      });
      const said: (string | undefined)[] = [];
      page.on("request", (request) => {
        if (request.url().includes("/v1/")) said.push(request.headers().authorization);
      });

      await page.goto(address(VIEW));
      await page.locator("[role=listbox] [role=option]").first().waitFor();
      expect(page.url()).toBe(address(VIEW));
      expect(asked[0]?.get("code_challenge_method")).toBe("S256");
      expect(exchanged[0]?.get("code_verifier")).toBeTruthy();
      expect(said.length).toBeGreaterThan(0);
      expect(new Set(said)).toEqual(new Set(["Bearer the-token"]));

      // A reload finds the token of this tab.
      await page.reload();
      await page.locator("[role=listbox] [role=option]").first().waitFor();
      expect(asked).toHaveLength(1);
    }));
});
