// What the page's client reads first: its components and functions.
#include <boost/json.hpp>

#include "simulator/gradio3.hpp"
#include "simulator/login.hpp"
#include "simulator/pod.hpp"

namespace simulator::gradio3 {
namespace {

namespace json = boost::json;

struct Component {
    int id;
    std::string_view type, label, elem_id, serializer;
    std::string_view python_type;
};

constexpr Component components[] = {
    {1, "label", "Task", "txt2img_task", "StringSerializable", "str"},
    {2, "textbox", "Prompt", "txt2img_prompt", "StringSerializable", "str"},
    {3, "textbox", "Negative prompt", "txt2img_neg_prompt", "StringSerializable", "str"},
    {4, "slider", "Sampling steps", "txt2img_steps", "NumberSerializable", "float"},
    {5, "slider", "Width", "txt2img_width", "NumberSerializable", "float"},
    {6, "slider", "Height", "txt2img_height", "NumberSerializable", "float"},
    {7, "number", "Seed", "txt2img_seed", "NumberSerializable", "float"},
    {8, "gallery", "Output", "txt2img_gallery", "GallerySerializable", "list"},
    {9, "textbox", "Generation info", "generation_info_txt2img", "StringSerializable", "str"},
    {10, "html", "Info", "html_info_txt2img", "StringSerializable", "str"},
    {11, "button", "Generate", "txt2img_generate", "StringSerializable", "str"},
    {12, "button", "Interrupt", "txt2img_interrupt", "StringSerializable", "str"},
    {13, "button", "Skip", "txt2img_skip", "StringSerializable", "str"},
    {14, "html", "Tokens", "txt2img_token_counter", "StringSerializable", "str"},
    {15, "image", "Image", "img2img_image", "ImgSerializable", "str"},
    {16, "html", "Log", "html_log_txt2img", "StringSerializable", "str"},
};

const Component& component(int id) {
    return components[id - 1];
}

json::array ids(std::span<const int> some) {
    return json::array(some.begin(), some.end());
}

// The button of a function, by its place; the page itself for what is loaded.
json::array targets(std::int64_t index) {
    if (index == 1) return {11};
    if (index == 2) return {12};
    if (index == 3) return {13};
    return {};
}

json::object dependency(std::int64_t index, const Function& function) {
    json::object out{{"targets", targets(index)},
                     {"trigger", function.trigger},
                     {"inputs", ids(function.inputs)},
                     {"outputs", ids(function.outputs)},
                     {"backend_fn", true},
                     {"js", nullptr},
                     {"queue", nullptr},
                     {"api_name", nullptr},
                     {"scroll_to_output", false},
                     {"show_progress", "full"},
                     {"every", nullptr},
                     {"batch", false},
                     {"max_batch_size", 4},
                     {"cancels", json::array{}},
                     {"types", json::object{{"continuous", false}, {"generator", false}}},
                     {"collects_event_data", false},
                     {"trigger_after", nullptr},
                     {"trigger_only_on_success", false},
                     {"show_api", true}};
    if (!function.queued) out["queue"] = false;
    if (!function.api_name.empty()) out["api_name"] = function.api_name;
    return out;
}

json::object type_of(std::string_view python_type) {
    if (python_type == "float") return {{"type", "number"}, {"description", "numeric value"}};
    if (python_type == "list") return {{"type", "array"}, {"description", "array of [file, label] tuples"}};
    return {{"type", "string"}, {"description", "string value"}};
}

json::array endpoint_values(std::span<const int> some) {
    json::array values;
    for (const int id : some) {
        const Component& c = component(id);
        values.push_back(
            json::object{{"label", c.label},
                         {"type", type_of(c.python_type)},
                         {"python_type", json::object{{"type", c.python_type}, {"description", ""}}},
                         {"component", c.type},
                         {"example_input", nullptr},
                         {"serializer", c.serializer}});
    }
    return values;
}

}  // namespace

Reply config(Pod& pod, const Call& call) {
    if (pod.options.nowebui) return Reply::detail(http::status::not_found, "Not Found");
    if (!logged_in(pod, call)) return not_authenticated();
    json::array parts, children, dependencies;
    for (const Component& c : components) {
        parts.push_back(json::object{{"id", c.id},
                                     {"type", c.type},
                                     {"props", json::object{{"label", c.label},
                                                            {"name", c.type},
                                                            {"elem_id", c.elem_id},
                                                            {"visible", true},
                                                            {"interactive", true}}},
                                     {"serializer", c.serializer}});
        children.push_back(json::object{{"id", c.id}});
    }
    std::int64_t index = 0;
    for (const Function& function : functions()) dependencies.push_back(dependency(index++, function));
    return Reply::json(
        json::serialize(json::object{{"version", "3.41.2\n"},
                                     {"mode", "blocks"},
                                     {"dev_mode", false},
                                     {"analytics_enabled", false},
                                     {"components", std::move(parts)},
                                     {"css", nullptr},
                                     {"title", "Stable Diffusion"},
                                     {"space_id", nullptr},
                                     {"is_space", false},
                                     {"enable_queue", pod.options.gradio_queue},
                                     {"show_error", true},
                                     {"show_api", true},
                                     {"is_colab", false},
                                     {"stylesheets", json::array{}},
                                     {"theme", "default"},
                                     {"layout", json::object{{"id", 0}, {"children", children}}},
                                     {"dependencies", std::move(dependencies)},
                                     {"root", ""}}));
}

Reply info(Pod& pod, const Call& call) {
    if (!logged_in(pod, call)) return not_authenticated();
    json::object named;
    for (const Function& function : functions()) {
        if (function.api_name.empty()) continue;
        named["/" + std::string(function.api_name)] = json::object{
            {"parameters", endpoint_values(function.inputs)}, {"returns", endpoint_values(function.outputs)}};
    }
    return Reply::json(json::serialize(
        json::object{{"named_endpoints", std::move(named)}, {"unnamed_endpoints", json::object{}}}));
}

}  // namespace simulator::gradio3
