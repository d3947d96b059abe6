// Customers who use the types that were generated for TypeScript, checked by its compiler.
// They look for a book, buy it twice with one key, look at the order, cancel it, and ask for too many.
import createClient from "openapi-fetch";
import type { paths } from "./front.js";

declare const process: { argv: string[] };
const KEY = "generated-typescript";
const client = createClient<paths>({ baseUrl: process.argv[2] });

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("there is no such answer");
  return value;
}

const found = there((await client.GET("/search/{topic}", { params: { path: { topic: "distributed-systems" } } })).data);
const cheap = there((await client.GET("/books", { params: { query: { sort: "price", limit: 1 } } })).data);
const book = there((await client.GET("/info/{book_id}", { params: { path: { book_id: found[1].id } } })).data);
const buy = () =>
  client.POST("/purchase/{book_id}", {
    params: { path: { book_id: book.id }, header: { "Idempotency-Key": KEY } },
    body: { quantity: 2 },
  });
const [first, again] = [there((await buy()).data), there((await buy()).data)];
const path = { order_id: first.order_id };
const order = there((await client.GET("/orders/{order_id}", { params: { path } })).data);
const cancelled = there((await client.POST("/orders/{order_id}/cancel", { params: { path } })).data);
const refused = there(
  (await client.POST("/purchase/{book_id}", { params: { path: { book_id: book.id } }, body: { quantity: 1000 } })).error,
);
const unknown = await client.GET("/info/{book_id}", { params: { path: { book_id: 999_999 } } });

console.log(
  JSON.stringify({
    titles: found.map((one) => one.title),
    cheapest: cheap.length,
    price: book.price,
    bought: "quantity" in first ? first.quantity : 0,
    same: JSON.stringify(first) === JSON.stringify(again),
    order: order.status,
    placed: new Date(order.placed_at).getUTCFullYear() >= 2026,
    cancelled: cancelled.status,
    refused: [refused.code, refused.definite, "requested" in refused ? refused.requested : 0],
    unknown: [unknown.response.status, there(unknown.error).code],
  }),
);
