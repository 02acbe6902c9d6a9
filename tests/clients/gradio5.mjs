// usage: node gradio5.mjs BASE_URL   (or BASE_URL in the environment)
import {Client} from "gradio-client-2";
import {drive} from "./gradio_common.mjs";
await drive(Client, "gradio-client-2", process.argv[2] ?? process.env.BASE_URL);
