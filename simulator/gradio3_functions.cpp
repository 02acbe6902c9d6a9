// What each function of the page does.
#include <algorithm>

#include "simulator/a1111.hpp"
#include "simulator/gradio3.hpp"
#include "simulator/pod.hpp"

namespace simulator::gradio3 {
namespace {

namespace json = boost::json;

// Ids of components, as gradio3_config.cpp lists them.
constexpr int none[] = {0};
constexpr int txt2img_inputs[] = {1, 2, 3, 4, 5, 6, 7};
constexpr int img2img_inputs[] = {1, 2, 15};
constexpr int results[] = {8, 9, 10, 16};
constexpr int counter_inputs[] = {2, 4};
constexpr int counter_outputs[] = {14};
constexpr int slider[] = {4};
constexpr int task_input[] = {1};
constexpr std::span<const int> nothing = std::span(none).first(0);

constexpr Function table[] = {
    {"", Kind::nothing, false, "load", nothing, nothing},
    {"txt2img", Kind::generate, true, "click", txt2img_inputs, results},
    {"interrupt", Kind::interrupt, true, "click", nothing, nothing},
    {"skip", Kind::skip, true, "click", nothing, nothing},
    {"update_token_counter", Kind::count_tokens, true, "change", counter_inputs, counter_outputs},
    {"steps", Kind::echo, true, "change", slider, slider},
    {"img2img", Kind::generate, true, "click", img2img_inputs, results},
    {"restore_progress", Kind::restore, true, "click", task_input, results},
    {"", Kind::nothing, false, "load", nothing, nothing},
};

// The names of a txt2img's inputs after the task, as the API calls them.
constexpr std::string_view field_names[] = {"prompt", "negative_prompt", "steps", "width", "height", "seed"};

json::object fields_of(const Function& function, const json::array& data) {
    json::object fields{{"send_images", false}};
    const std::size_t known = function.api_name == "txt2img" ? std::size(field_names) : 1;
    for (std::size_t i = 0; i < known && i + 1 < data.size(); ++i) {
        const json::value& value = data[i + 1];
        const bool text = i < 2;
        if (text ? value.is_string() : value.is_number()) fields[field_names[i]] = value;
    }
    return fields;
}

// Gallery, generation info, and two pieces of HTML; the image lies in this process's own folder.
json::array result(const Pod& pod, const std::string& task, const Reply& made) {
    const json::value body = json::parse(made.body);
    const json::object file{
        {"name", pod.temp_dir + "/outputs/" + task + ".png"}, {"data", nullptr}, {"is_file", true}};
    return json::array{json::array{file}, body.at("info"), "<p>pretty</p>", "<p>Time taken</p>"};
}

}  // namespace

std::span<const Function> functions() {
    return table;
}

const Function* find_function(std::int64_t index) {
    if (index < 0 || index >= static_cast<std::int64_t>(std::size(table))) return nullptr;
    return &table[index];
}

const Function* find_function(std::string_view api_name) {
    const auto found = std::ranges::find(table, api_name, &Function::api_name);
    return api_name.empty() || found == std::end(table) ? nullptr : found;
}

std::string task_of(const json::array& data) {
    constexpr std::size_t longest = 200;
    if (data.empty() || !data[0].is_string()) return {};
    const json::string& text = data[0].get_string();
    if (!text.starts_with("task(") || text.size() > longest) return {};
    return {text.data(), text.size()};
}

std::variant<Reply, Job> generation(Pod& pod, const Function& function, const json::array& data) {
    json::object fields = fields_of(function, data);
    const std::string given = task_of(data);
    const std::string task = given.empty() ? pod.next_task(function.api_name) : given;
    fields["force_task_id"] = task;
    auto answer = a1111_handlers::from_fields(pod, std::move(fields), function.api_name);
    Job* job = std::get_if<Job>(&answer);
    if (!job) return answer;
    job->make = [&pod, task, draw = std::move(job->make)] {
        std::string data_text = json::serialize(result(pod, task, draw()));
        pod.record(task, data_text);
        return Reply::json(std::move(data_text));
    };
    return answer;
}

json::array run_light(Pod& pod, const Function& function, const json::array& data, TimePoint now) {
    switch (function.kind) {
        case Kind::interrupt:
            ++pod.stats.interrupts;
            pod.gpu.interrupt(now);
            return {};
        case Kind::skip:
            pod.gpu.skip(now);
            return {};
        case Kind::echo:
            return data;
        case Kind::count_tokens: {
            const std::size_t letters =
                data.empty() || !data[0].is_string() ? 0 : data[0].get_string().size();
            return json::array{"<span class='gr-box gr-text-input'>" + std::to_string(letters / 4) +
                               "/75</span>"};
        }
        case Kind::restore:
            if (const std::string* recorded = pod.recorded(task_of(data)))
                return json::parse(*recorded).as_array();
            return json::array{json::array{}, "", "", ""};
        case Kind::nothing:
        case Kind::generate:
            break;
    }
    return {};
}

}  // namespace simulator::gradio3
