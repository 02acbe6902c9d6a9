// ws against echo_pod.mjs: messages of every kind and size both ways, pings, and each way to end.
import {randomBytes} from "node:crypto";
import {once} from "node:events";
import {WebSocket} from "ws";
import {base, run, check} from "./common.mjs";

const url = base.replace("http", "ws") + "/echo";
const open = async options => { const socket = new WebSocket(url, options); await once(socket, "open"); return socket; };
const echoed = async (socket, data) => {
  const back = once(socket, "message");
  socket.send(data);
  const [said, binary] = await back;
  check(binary === (typeof data !== "string"), "text stays text, octets stay octets");
  check(Buffer.compare(said, Buffer.from(data)) === 0, `${data.length} octets come back as they went`);
};

run("ws 8", async () => {
  for (const perMessageDeflate of [false, true]) {
    const socket = await open({perMessageDeflate});
    check(Boolean(socket.extensions) === perMessageDeflate, "the extensions are the pod's to choose: " + socket.extensions);
    for (const size of [0, 1, 125, 126, 65535, 65536, 3_000_000]) {
      await echoed(socket, randomBytes(size));
      await echoed(socket, "ö".repeat(size / 2));
    }
    socket.send("in ", {fin: false});
    const whole = once(socket, "message");
    socket.send("pieces");
    check(String((await whole)[0]) === "in pieces", "fragments make one message");
    const pong = once(socket, "pong");
    socket.ping("hello");
    check(String((await pong)[0]) === "hello", "the pod answers our ping");
    const ours = once(socket, "message");
    socket.send("ping me");
    check(String((await ours)[0]) === "pong are you there", "we answer the pod's ping");
    const closed = once(socket, "close");
    socket.close(4002, "enough");
    check((await closed)[0] === 4002, "our close comes back");
  }
  check(await (await fetch(base + "/")).text() === "4002 enough", "the pod has seen our code and reason");

  let socket = await open();
  let closed = once(socket, "close");
  socket.send("close");
  const [code, reason] = await closed;
  check(code === 4001 && String(reason) === "as you wish", "the pod's code and reason: " + code + " " + reason);

  socket = await open();
  closed = once(socket, "close");
  socket.send("vanish");
  check((await closed)[0] === 1006, "a pod that is gone is no clean close");

  const many = await Promise.all(Array.from({length: 40}, () => open()));
  await Promise.all(many.map((one, number) => echoed(one, "number " + number)));
  many.forEach(one => one.terminate());
  return {sockets: 44};
});
