/** Which page an address means. The generators are one document with several addresses. */

import { ENDPOINTS, type Endpoint } from "./generators.ts";
import { type Order, orderOf, queryOf, readOrder } from "./order.ts";

export type Route =
  | { readonly page: "menu" }
  | { readonly page: "form"; readonly order: Order }
  | { readonly page: "result"; readonly order: Order };

/** As much of `Location` as is used. */
export interface Address {
  readonly pathname: string;
  readonly search: string;
}

export const MENU = "/generators";

/** What is no address of these pages, and a result of nothing, is the menu. */
export function readRoute({ pathname, search }: Address): Route {
  const query = new URLSearchParams(search);
  const name = pathname.replace(/^\/|\/$/g, "");
  const endpoint = ENDPOINTS.find((one) => one === name);
  if (endpoint !== undefined) {
    return { page: "form", order: orderOf(endpoint, (field) => query.get(field)) };
  }
  const order = name === "result" ? readOrder(query) : null;
  return order === null ? { page: "menu" } : { page: "result", order };
}

export function formPath(endpoint: Endpoint, order: Order | null = null): string {
  const query = order === null ? "" : queryOf(order);
  return `/${endpoint}/${query && `?${query}`}`;
}

/** It tells how to make the result, never the result. */
export function resultPath(order: Order): string {
  const query = queryOf(order);
  return `/result/?endpoint=${order.endpoint}${query && `&${query}`}`;
}

export function pathOf(route: Route): string {
  if (route.page === "menu") return MENU;
  return route.page === "form" ? formPath(route.order.endpoint, route.order) : resultPath(route.order);
}
