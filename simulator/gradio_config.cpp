// What a Gradio app says of itself: its components, its functions and their types. It is the least that
// @gradio/client 1.19 and 2.x need; fields that only a page draws from are left out.
#include "simulator/gradio.hpp"
#include "simulator/pod.hpp"

namespace simulator::gradio {
namespace {

namespace json = boost::json;

// Ids of the components: what goes in, and what comes out.
constexpr int prompt_box = 1, seed_box = 2, steps_box = 3, picture = 4, text_box = 5, history = 6, button = 7;

json::object component(int id, std::string_view type, json::object props) {
    props["name"] = type;
    props["visible"] = true;
    return {{"id", id},
            {"type", type},
            {"props", std::move(props)},
            {"skip_api", type == "state"},
            {"key", nullptr},
            {"component_class_id", nullptr},
            {"rendered_in", nullptr}};
}

json::object dependency(int id, std::string_view api_name, json::array inputs, json::array outputs,
                        bool generator) {
    return {{"id", id},
            {"targets", json::array{json::array{button, "click"}}},
            {"inputs", std::move(inputs)},
            {"outputs", std::move(outputs)},
            {"backend_fn", true},
            {"js", nullptr},
            {"queue", true},
            {"api_name", api_name},
            {"api_visibility", "public"},
            {"show_api", true},
            {"scroll_to_output", false},
            {"show_progress", "full"},
            {"batch", false},
            {"max_batch_size", 4},
            {"cancels", json::array{}},
            {"types", json::object{{"generator", generator}, {"cancel", false}}},
            {"collects_event_data", false},
            {"trigger_after", nullptr},
            {"trigger_only_on_success", false},
            {"trigger_mode", "once"},
            {"rendered_in", nullptr},
            {"connection", "sse"},
            {"time_limit", nullptr},
            {"stream_every", 0.5},
            {"zerogpu", false}};
}

json::object parameter(std::string_view name, std::string_view component, std::string_view type,
                       std::string_view python, json::value fallback) {
    const bool optional = !fallback.is_null();
    return {{"label", name},
            {"parameter_name", name},
            {"parameter_has_default", optional},
            {"parameter_default", std::move(fallback)},
            {"type", json::object{{"type", type}}},
            {"python_type", json::object{{"type", python}, {"description", ""}}},
            {"component", component},
            {"example_input", nullptr}};
}

json::object returned(std::string_view name, std::string_view component, std::string_view type) {
    return {{"label", name},
            {"type", json::object{{"type", type}}},
            {"python_type", json::object{{"type", type == "object" ? "dict" : "str"}, {"description", ""}}},
            {"component", component}};
}

json::object endpoint(json::array parameters, json::array returns) {
    return {{"parameters", std::move(parameters)},
            {"returns", std::move(returns)},
            {"show_api", true},
            {"api_visibility", "public"}};
}

}  // namespace

const FunctionFacts& facts(Function function) {
    static constexpr FunctionFacts table[function_count] = {{"txt2img", true, false},
                                                            {"story", true, true},
                                                            {"count_tokens", false, false},
                                                            {"interrupt", false, false}};
    return table[static_cast<std::size_t>(function)];
}

std::optional<Function> find_function(std::string_view api_name) {
    for (int i = 0; i < function_count; ++i)
        if (facts(Function{i}).api_name == api_name) return Function{i};
    return std::nullopt;
}

json::object app_config(const Pod& pod, const Call& call, std::string_view version, std::string_view prefix) {
    const json::array draws{prompt_box, seed_box, steps_box};
    return {{"version", version},
            {"api_prefix", prefix},
            {"mode", "blocks"},
            {"app_id", pod.app_id()},
            {"dev_mode", false},
            {"analytics_enabled", false},
            {"components", json::array{component(prompt_box, "textbox", {{"label", "prompt"}, {"value", ""}}),
                                       component(seed_box, "number", {{"label", "seed"}, {"value", -1}}),
                                       component(steps_box, "slider", {{"label", "steps"}, {"value", 20}}),
                                       component(picture, "image", {{"label", "result"}, {"value", nullptr}}),
                                       component(text_box, "textbox", {{"label", "text"}, {"value", ""}}),
                                       component(history, "state", {{"value", nullptr}}),
                                       component(button, "button", {{"value", "Generate"}})}},
            {"css", nullptr},
            {"connect_heartbeat", true},  // there is a State
            {"js", nullptr},
            {"head", nullptr},
            {"title", "Stable Diffusion"},
            {"space_id", nullptr},
            {"is_space", false},
            {"enable_queue", true},
            {"show_error", true},
            {"show_api", true},
            {"is_colab", false},
            {"max_file_size", nullptr},
            {"stylesheets", json::array{}},
            {"theme", "default"},
            {"protocol", "sse_v3"},
            {"layout", json::object{{"id", 0}, {"children", json::array{}}}},
            {"dependencies", json::array{dependency(0, "txt2img", draws, {picture, text_box}, false),
                                         dependency(1, "story", draws, {text_box}, true),
                                         dependency(2, "count_tokens", {prompt_box}, {text_box}, false),
                                         dependency(3, "interrupt", json::array{}, json::array{}, false)}},
            {"root", root_url(call)},
            {"username", nullptr},
            {"pages", json::array{json::array{"", "Home"}}},
            {"page", json::object{}},
            {"current_page", ""}};
}

json::object app_info() {
    const json::array draws{parameter("prompt", "Textbox", "string", "str", nullptr),
                            parameter("seed", "Number", "number", "float", -1),
                            parameter("steps", "Slider", "number", "float", 20)};
    return {
        {"named_endpoints",
         json::object{{"/txt2img", endpoint(draws, {returned("result", "Image", "object"),
                                                    returned("text", "Textbox", "string")})},
                      {"/story", endpoint(draws, {returned("text", "Textbox", "string")})},
                      {"/count_tokens", endpoint({parameter("prompt", "Textbox", "string", "str", nullptr)},
                                                 {returned("text", "Textbox", "string")})},
                      {"/interrupt", endpoint({}, {})}}},
        {"unnamed_endpoints", json::object{}}};
}

}  // namespace simulator::gradio
