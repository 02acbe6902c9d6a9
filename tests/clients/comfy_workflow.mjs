// ComfyUI's default workflow, in the API's form.
export const workflow = {
  "3": {class_type: "KSampler", inputs: {model: ["4", 0], seed: 7, steps: 8, cfg: 8, sampler_name: "euler",
        scheduler: "normal", positive: ["6", 0], negative: ["7", 0], latent_image: ["5", 0], denoise: 1}},
  "4": {class_type: "CheckpointLoaderSimple", inputs: {ckpt_name: "v1-5-pruned-emaonly.safetensors"}},
  "5": {class_type: "EmptyLatentImage", inputs: {width: 256, height: 256, batch_size: 1}},
  "6": {class_type: "CLIPTextEncode", inputs: {text: "", clip: ["4", 1]}},
  "7": {class_type: "CLIPTextEncode", inputs: {text: "blurry", clip: ["4", 1]}},
  "8": {class_type: "VAEDecode", inputs: {samples: ["3", 0], vae: ["4", 2]}},
  "9": {class_type: "SaveImage", inputs: {images: ["8", 0], filename_prefix: "ComfyUI"}},
};
export function image(prompt) {
  const asked = structuredClone(workflow);
  asked["6"].inputs.text = prompt;
  return asked;
}
