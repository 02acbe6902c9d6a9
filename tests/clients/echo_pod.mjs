// A pod that is a WebSocket server of ws: it says everything back, and closes as it is told.
import http from "node:http";
import {WebSocketServer} from "ws";

let lastClose = "";  // how the last client that closed did it
const server = http.createServer((request, response) => response.end(lastClose));
const sockets = new WebSocketServer({server, perMessageDeflate: {threshold: 0}});
sockets.on("connection", socket => {
  socket.on("error", () => {});
  socket.on("message", (data, binary) => {
    const text = binary ? "" : data.toString();
    if (text === "close") socket.close(4001, "as you wish");
    else if (text === "vanish") socket.terminate();
    else if (text === "ping me") socket.ping("are you there");
    else socket.send(data, {binary});
  });
  socket.on("pong", data => socket.send("pong " + data));
  socket.on("close", (code, reason) => { lastClose = `${code} ${reason}`; });
});
server.listen(Number(process.env.PORT), "127.0.0.1");
