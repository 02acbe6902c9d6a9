// usage: node gradio5_v1.mjs BASE_URL   (or BASE_URL in the environment)
import {Client} from "@gradio/client";
import {drive} from "./gradio_common.mjs";
await drive(Client, "@gradio/client", process.argv[2] ?? process.env.BASE_URL);
