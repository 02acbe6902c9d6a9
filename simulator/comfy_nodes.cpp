// The nodes that a simulated ComfyUI knows, and how it reads a workflow of them.
#include <algorithm>
#include <charconv>

#include "simulator/comfy.hpp"

namespace simulator::comfy_ui {
namespace {

namespace json = boost::json;

struct Node {
    std::string_view name;
    std::string_view category;
    std::string_view inputs;  // JSON of the required ones
    std::string_view outputs;
    bool is_output;
};

constexpr Node nodes[] = {
    {"CheckpointLoaderSimple", "loaders", R"({"ckpt_name":[["v1-5-pruned-emaonly.safetensors"]]})",
     R"(["MODEL","CLIP","VAE"])", false},
    {"CLIPTextEncode", "conditioning", R"({"text":["STRING",{"multiline":true}],"clip":["CLIP"]})",
     R"(["CONDITIONING"])", false},
    {"EmptyLatentImage", "latent",
     R"({"width":["INT",{"default":512}],"height":["INT",{"default":512}],"batch_size":["INT",{"default":1}]})",
     R"(["LATENT"])", false},
    {"KSampler", "sampling",
     R"({"model":["MODEL"],"seed":["INT",{"default":0}],"steps":["INT",{"default":20}],"cfg":["FLOAT",{"default":8.0}],)"
     R"("sampler_name":[["euler","dpmpp_2m"]],"scheduler":[["normal","karras"]],"positive":["CONDITIONING"],)"
     R"("negative":["CONDITIONING"],"latent_image":["LATENT"],"denoise":["FLOAT",{"default":1.0}]})",
     R"(["LATENT"])", false},
    {"VAEDecode", "latent", R"({"samples":["LATENT"],"vae":["VAE"]})", R"(["IMAGE"])", false},
    {"LoadImage", "image", R"({"image":[["example.png"],{"image_upload":true}]})", R"(["IMAGE","MASK"])",
     false},
    {"SaveImage", "image", R"({"images":["IMAGE"],"filename_prefix":["STRING",{"default":"ComfyUI"}]})", "[]",
     true},
    {"PreviewImage", "image", R"({"images":["IMAGE"]})", "[]", true},
};

const Node* find(std::string_view name) {
    const auto it = std::ranges::find(nodes, name, &Node::name);
    return it == std::end(nodes) ? nullptr : it;
}

const json::object* inputs_of(const json::object& prompt, std::string_view id) {
    const json::value* node = prompt.if_contains(id);
    if (!node || !node->is_object()) return nullptr;
    const json::value* inputs = node->get_object().if_contains("inputs");
    return inputs ? inputs->if_object() : nullptr;
}

std::string text(const json::object* inputs, std::string_view name) {
    const json::value* value = inputs ? inputs->if_contains(name) : nullptr;
    return value && value->is_string() ? std::string(value->get_string()) : std::string{};
}

std::int64_t number(const json::object* inputs, std::string_view name, std::int64_t fallback) {
    const json::value* value = inputs ? inputs->if_contains(name) : nullptr;
    if (!value || !value->is_number()) return fallback;
    return static_cast<std::int64_t>(std::clamp(value->to_number<double>(), -1.0, 9e15));
}

// The node that an input is wired to, [id, output].
std::string wired(const json::object* inputs, std::string_view name) {
    const json::value* value = inputs ? inputs->if_contains(name) : nullptr;
    if (!value || !value->is_array() || value->get_array().empty() || !value->get_array()[0].is_string())
        return {};
    return std::string(value->get_array()[0].get_string());
}

std::string class_of(const json::value& node) {
    return node.is_object() ? text(&node.get_object(), "class_type") : std::string{};
}

}  // namespace

std::variant<Workflow, Refusal> read_workflow(const json::object& prompt, int steps) {
    Workflow made;
    made.drawing.steps = steps;
    std::vector<std::string> others;
    for (const auto& [id, node] : prompt) {
        const std::string kind = class_of(node);
        const Node* known = find(kind);
        if (!known)
            return Refusal{"invalid_prompt", "Cannot execute because node " + kind + " does not exist."};
        if (known->is_output)
            made.output = id;
        else if (kind == "KSampler")
            made.sampler = id;
        else
            (kind == "VAEDecode" ? made.behind : others).emplace_back(id);
    }
    if (made.output.empty()) return Refusal{"prompt_no_outputs", "Prompt has no outputs"};
    made.before = std::move(others);
    made.behind.push_back(made.output);

    const json::object* sampler = inputs_of(prompt, made.sampler);
    made.drawing.seed = number(sampler, "seed", -1);
    made.drawing.steps = static_cast<int>(std::clamp<std::int64_t>(number(sampler, "steps", steps), 1, 1000));
    made.drawing.prompt = text(inputs_of(prompt, wired(sampler, "positive")), "text");
    const json::object* latent = inputs_of(prompt, wired(sampler, "latent_image"));
    made.drawing.width = static_cast<int>(std::clamp<std::int64_t>(number(latent, "width", 512), 8, 4096));
    made.drawing.height = static_cast<int>(std::clamp<std::int64_t>(number(latent, "height", 512), 8, 4096));
    if (const std::string prefix = text(inputs_of(prompt, made.output), "filename_prefix");
        !prefix.empty() && prefix.find('/') == std::string::npos)
        made.prefix = prefix.substr(0, 100);
    if (class_of(prompt.at(made.output)) == "PreviewImage") made.type = "temp";
    return made;
}

json::object node_definitions() {
    json::object all;
    for (const Node& node : nodes)
        all[node.name] = json::object{{"input", json::object{{"required", json::parse(node.inputs)}}},
                                      {"output", json::parse(node.outputs)},
                                      {"output_is_list", json::array{}},
                                      {"output_name", json::parse(node.outputs)},
                                      {"name", node.name},
                                      {"display_name", node.name},
                                      {"description", ""},
                                      {"python_module", "nodes"},
                                      {"category", node.category},
                                      {"output_node", node.is_output}};
    return all;
}

}  // namespace simulator::comfy_ui
