// ComfyUI: a queue of workflows, a history, and a socket for each page. Facts are from its server.py,
// execution.py and main.py.
#pragma once

#include <boost/json.hpp>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "simulator/call.hpp"
#include "simulator/generation.hpp"

namespace simulator::comfy_ui {

// What a workflow asks for, as far as a simulated pod reads it.
struct Workflow {
    Drawing drawing;
    std::string prefix = "ComfyUI", type = "output";
    std::string sampler, output;              // ids of nodes
    std::vector<std::string> before, behind;  // nodes run before and after the sampler, in order
};

// Or why ComfyUI would refuse it: its "type" of error, and a message. Pure.
struct Refusal {
    std::string type, message;
};
std::variant<Workflow, Refusal> read_workflow(const boost::json::object& prompt, int steps);

struct Prompt {
    std::string id, client;
    std::int64_t number = 0;
    boost::json::object prompt, extra_data;
    Workflow workflow;
    bool running = false;
    std::shared_ptr<bool> withdrawn = std::make_shared<bool>(false);
    boost::json::array messages;  // for the history
    boost::json::object image;    // filename, subfolder, type
};

struct State {
    static constexpr std::size_t most_history = 1000;
    std::deque<std::shared_ptr<Prompt>> queue;  // the running one first
    std::deque<std::pair<std::string, boost::json::object>> history;
    std::map<std::string, std::weak_ptr<WebSocket>> sockets;  // by clientId; the newest of each
    std::int64_t next_number = 0;
    int next_file = 1;

    // To that client, or to everybody.
    void send(const std::string& client, std::string_view type, boost::json::object data);
    void send_preview(const std::string& client, std::string_view png);
    void send_status();
    boost::json::object status() const;
};

// As /queue and the history list it.
boost::json::array queue_item(const Prompt& prompt);

Reply post_prompt(Pod& pod, const Call& call);
boost::asio::awaitable<void> talk(Server& server, WebSocket& socket, const Call& call);

// comfy_nodes.cpp
boost::json::object node_definitions();

}  // namespace simulator::comfy_ui
