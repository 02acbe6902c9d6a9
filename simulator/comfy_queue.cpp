// Prompts from their arrival to the history, and what their page hears of them on its socket.
#include <algorithm>
#include <chrono>

#include "simulator/comfy.hpp"
#include "simulator/png.hpp"
#include "simulator/pod.hpp"
#include "simulator/query.hpp"
#include "simulator/server.hpp"
#include "simulator/websocket.hpp"

namespace simulator::comfy_ui {
namespace {

namespace json = boost::json;

std::int64_t milliseconds(const Pod& pod, TimePoint now) {
    return static_cast<std::int64_t>(pod.epoch_ms(now));
}

// A message of PromptExecutor.add_message: with a time, and kept for the history.
void say(Pod& pod, State& state, Prompt& prompt, std::string_view type, json::object data, TimePoint now) {
    data["prompt_id"] = prompt.id;
    data["timestamp"] = milliseconds(pod, now);
    prompt.messages.push_back(json::array{type, data});
    if (!prompt.client.empty()) state.send(prompt.client, type, std::move(data));
}

void executing(State& state, const Prompt& prompt, json::value node) {
    if (prompt.client.empty()) return;
    state.send(prompt.client, "executing",
               {{"node", node}, {"display_node", node}, {"prompt_id", prompt.id}});
}

void started(Pod& pod, State& state, Prompt& prompt, TimePoint now) {
    prompt.running = true;
    state.send_status();
    say(pod, state, prompt, "execution_start", {}, now);
    say(pod, state, prompt, "execution_cached", {{"nodes", json::array{}}}, now);
    for (const std::string& node : prompt.workflow.before) executing(state, prompt, json::string(node));
}

void stepped(State& state, const Prompt& prompt, const JobNews& news) {
    if (prompt.client.empty()) return;
    // The nodes before it take their time, too: who listens only after the answer to his prompt still hears
    // of the sampler.
    if (news.step == 1) executing(state, prompt, json::string(prompt.workflow.sampler));
    state.send(prompt.client, "progress",
               {{"value", news.step},
                {"max", news.steps},
                {"prompt_id", prompt.id},
                {"node", prompt.workflow.sampler}});
    if (news.step % std::max(1, news.steps / 4) != 0) return;
    const auto light = static_cast<std::uint64_t>(news.step);
    state.send_preview(prompt.client, make_png({64, 64, prompt.workflow.drawing.prompt, light, 6000, ""}));
}

void succeeded(Pod& pod, State& state, Prompt& prompt, json::object& outputs, TimePoint now) {
    for (const std::string& node : prompt.workflow.behind) executing(state, prompt, json::string(node));
    const json::object output{{"images", json::array{prompt.image}}};
    const std::string& node = prompt.workflow.output;
    outputs[node] = output;
    if (!prompt.client.empty())
        state.send(prompt.client, "executed",
                   {{"node", node}, {"display_node", node}, {"output", output}, {"prompt_id", prompt.id}});
    say(pod, state, prompt, "execution_success", {}, now);
}

void failed(Pod& pod, State& state, Prompt& prompt, bool interrupted, TimePoint now) {
    json::object data{
        {"node_id", prompt.workflow.sampler}, {"node_type", "KSampler"}, {"executed", json::array{}}};
    if (!interrupted) {
        data["exception_type"] = "torch.OutOfMemoryError";
        data["exception_message"] = "Allocation on device";
        data["traceback"] = json::array{};
        data["current_inputs"] = json::object{};
        data["current_outputs"] = json::array{};
    }
    say(pod, state, prompt, interrupted ? "execution_interrupted" : "execution_error", std::move(data), now);
}

void ended(Pod& pod, State& state, const std::shared_ptr<Prompt>& prompt, const JobNews& news) {
    if (news.withdrawn) return;
    const bool success = !news.interrupted && news.reply->status == http::status::ok;
    json::object outputs;
    if (success)
        succeeded(pod, state, *prompt, outputs, news.now);
    else
        failed(pod, state, *prompt, news.interrupted, news.now);

    std::erase(state.queue, prompt);
    if (state.history.size() == State::most_history) state.history.pop_front();
    state.history.emplace_back(
        prompt->id, json::object{{"prompt", queue_item(*prompt)},
                                 {"outputs", std::move(outputs)},
                                 {"status", json::object{{"status_str", success ? "success" : "error"},
                                                         {"completed", success},
                                                         {"messages", prompt->messages}}},
                                 {"meta", json::object{}}});
    state.send_status();
    executing(state, *prompt, nullptr);
}

// Names are counted in each process on its own, as in ComfyUI's output folder: two pods have the same ones
// for different images.
void save_image(Pod& pod, State& state, Prompt& prompt) {
    std::string count = std::to_string(state.next_file++);
    count.insert(0, count.size() < 5 ? 5 - count.size() : 0, '0');
    const std::string name = prompt.workflow.prefix + "_" + count + "_.png";
    prompt.image = {{"filename", name}, {"subfolder", ""}, {"type", prompt.workflow.type}};
    pod.keep_file(prompt.workflow.type + "//" + name, draw(pod, prompt.workflow.drawing));
}

Reply refused(std::string_view type, std::string_view message) {
    return Reply::json(json::serialize(json::object{{"error", json::object{{"type", type},
                                                                           {"message", message},
                                                                           {"details", message},
                                                                           {"extra_info", json::object{}}}},
                                                    {"node_errors", json::object{}}}),
                       http::status::bad_request);
}

}  // namespace

json::array queue_item(const Prompt& prompt) {
    return {prompt.number, prompt.id, prompt.prompt, prompt.extra_data, json::array{prompt.workflow.output}};
}

json::object State::status() const {
    return {{"status", json::object{{"exec_info", json::object{{"queue_remaining", queue.size()}}}}}};
}

void State::send(const std::string& client, std::string_view type, json::object data) {
    const auto it = sockets.find(client);
    const auto socket = it == sockets.end() ? nullptr : it->second.lock();
    if (socket) socket->post(json::serialize(json::object{{"type", type}, {"data", std::move(data)}}));
}

void State::send_status() {
    const std::string text = json::serialize(json::object{{"type", "status"}, {"data", status()}});
    for (const auto& [client, weak] : sockets)
        if (const auto socket = weak.lock()) socket->post(text);
}

void State::send_preview(const std::string& client, std::string_view png) {
    const auto it = sockets.find(client);
    const auto socket = it == sockets.end() ? nullptr : it->second.lock();
    // PREVIEW_IMAGE = 1, then the format, PNG = 2; both big-endian.
    constexpr std::string_view head{"\0\0\0\1\0\0\0\2", 8};
    if (socket) socket->post(std::string(head) + std::string(png), true);
}

Reply post_prompt(Pod& pod, const Call& call) {
    json::error_code error;
    json::value body = json::parse(json::string_view(call.body.data(), call.body.size()), error);
    json::object* fields = error ? nullptr : body.if_object();
    json::value* nodes = fields ? fields->if_contains("prompt") : nullptr;
    if (!nodes || !nodes->is_object()) return refused("no_prompt", "No prompt provided");
    auto workflow = read_workflow(nodes->get_object(), pod.options.steps);
    if (const auto* why = std::get_if<Refusal>(&workflow)) return refused(why->type, why->message);

    State& state = pod.dialect_state<State>();
    auto prompt = std::make_shared<Prompt>();
    const json::value* id = fields->if_contains("prompt_id");
    prompt->id = id && id->is_string() ? std::string(id->get_string()) : random_uuid(pod);
    prompt->number = state.next_number++;
    prompt->workflow = std::move(std::get<Workflow>(workflow));
    prompt->workflow.drawing = settled(pod, prompt->workflow.drawing);
    prompt->prompt = std::move(nodes->get_object());
    if (const json::value* client = fields->if_contains("client_id"); client && client->is_string()) {
        prompt->client = client->get_string();
        prompt->extra_data["client_id"] = prompt->client;
    }
    state.queue.push_back(prompt);
    state.send_status();

    Job job;
    job.task = prompt->id;
    job.work = plan_work(pod, prompt->workflow.drawing);
    job.images = 1;
    job.withdrawn = prompt->withdrawn;
    job.make = [&pod, &state, prompt] {
        save_image(pod, state, *prompt);
        return Reply::json("{}");
    };
    job.tell = [&pod, &state, prompt](const JobNews& news) {
        switch (news.kind) {
            case JobNews::Kind::started:
                return started(pod, state, *prompt, news.now);
            case JobNews::Kind::step:
                return stepped(state, *prompt, news);
            case JobNews::Kind::ended:
                return ended(pod, state, prompt, news);
        }
    };
    pod.run_behind(std::move(job), std::string(call.path));
    return Reply::json(json::serialize(json::object{
        {"prompt_id", prompt->id}, {"number", prompt->number}, {"node_errors", json::object{}}}));
}

// A page's socket: who it is, how long the queue is, and from then on whatever happens.
boost::asio::awaitable<void> talk(Server& server, WebSocket& socket, const Call& call) {
    State& state = server.pod().dialect_state<State>();
    std::string client = query_value(call.query, "clientId");
    if (client.empty()) client = random_id(server.pod(), 32);
    const auto self = socket.shared_from_this();
    state.sockets[client] = self;
    json::object hello = state.status();
    hello["sid"] = client;
    state.send(client, "status", std::move(hello));
    // Somebody who comes back in the middle of his prompt sees where it is.
    for (const auto& prompt : state.queue)
        if (prompt->running && prompt->client == client)
            executing(state, *prompt, json::string(prompt->workflow.sampler));
    while (socket.open()) co_await socket.receive();
    if (const auto it = state.sockets.find(client); it != state.sockets.end() && it->second.lock() == self)
        state.sockets.erase(it);
}

}  // namespace simulator::comfy_ui
