// Loaded before a client's script (node --import): the network as a user's machine has it.
// *.localhost is the loopback, whatever the resolver says (RFC 6761 section 6.3). COOKIES=1 adds a cookie jar, as an
// application may: fetch, node:http and what is built on them keep no cookies of their own. ADDRESS is where the user
// comes from.
import dns from "node:dns";
import http from "node:http";
import net from "node:net";
import {syncBuiltinESMExports} from "node:module";

const lookup = dns.lookup;
dns.lookup = (host, options, done) =>
  lookup(String(host).endsWith(".localhost") ? "127.0.0.1" : host, options, done);

if (process.env.ADDRESS) {
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {  // also called with what net.connect() has made of its arguments
    const options = Array.isArray(args[0]) ? args[0][0] : args[0];
    if (options && typeof options === "object" && options.port) options.localAddress = process.env.ADDRESS;
    return connect.apply(this, args);
  };
}

if (process.env.COOKIES === "1") {
  const jar = new Map();
  const learn = fields => {
    for (const field of fields ?? []) {
      const [pair, ...attributes] = field.split(";").map(part => part.trim());
      const name = pair.slice(0, pair.indexOf("="));
      if (attributes.some(a => /^max-age=0$/i.test(a))) jar.delete(name);
      else jar.set(name, pair);
    }
  };
  process.on("exit", () => process.stderr.write("cookies: " + [...jar.keys()].join(" ") + "\n"));
  const withJar = own => [...jar.values(), ...(own ? [own] : [])].join("; ");

  const fetch = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    if (jar.size) request.headers.set("cookie", withJar(request.headers.get("cookie")));
    const response = await fetch(request);
    learn(response.headers.getSetCookie());
    return response;
  };

  const request = http.request;
  http.request = (...args) => {
    const made = request(...args);
    if (jar.size && !made.headersSent) made.setHeader("cookie", withJar(made.getHeader("cookie")));
    const emit = made.emit;
    made.emit = (event, ...rest) => {
      if (event === "response" || event === "upgrade") learn(rest[0].headers["set-cookie"]);
      return emit.call(made, event, ...rest);
    };
    return made;
  };
  http.get = (...args) => { const made = http.request(...args); made.end(); return made; };
}
syncBuiltinESMExports();
