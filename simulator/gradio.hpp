// The queue of Gradio 4 and 5 apps: a job is taken at once, its news come on an event stream of the session.
// Facts are from gradio 5.49 routes.py, queueing.py and route_utils.py, unless said otherwise.
#pragma once

#include <boost/json.hpp>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "simulator/call.hpp"
#include "simulator/generation.hpp"

namespace simulator::gradio {

// The functions of the simulated app, by their fn_index.
enum class Function { txt2img = 0, story = 1, count_tokens = 2, interrupt = 3 };
constexpr int function_count = 4;

struct FunctionFacts {
    std::string_view api_name;
    bool on_gpu;
    bool generator;  // yields before it returns
};
const FunctionFacts& facts(Function function);
std::optional<Function> find_function(std::string_view api_name);

struct Event {
    std::string id, session, root;
    Function function = Function::txt2img;
    Drawing drawing;
    std::string task;
    TimePoint arrive{}, start{};
    std::shared_ptr<bool> withdrawn = std::make_shared<bool>(false);
    bool started = false;
    boost::json::array output;
};

struct Session {
    std::deque<boost::json::object> messages;
    std::set<std::string> pending;  // events that have not completed
};

// Sessions and events of one pod, in bounded memory (pending_messages_per_session is an LRU of 2000).
class Queue {
public:
    Session* find(std::string_view session);
    Session& open(const std::string& session);
    void say(const Event& event, boost::json::object message);  // unless the event is over
    std::deque<std::shared_ptr<Event>> waiting;                 // in line for the GPU
    std::map<std::string, std::shared_ptr<Event>, std::less<>> events;
    double mean_seconds = 0;

private:
    static constexpr std::size_t most_sessions = 2000;
    std::map<std::string, Session, std::less<>> sessions_;
    std::deque<std::string> order_;
};

Queue& queue_of(Pod& pod);

// http(s)://host of a request, as the page's own URLs must have it: X-Forwarded-Host if there is one, https
// if the first X-Forwarded-Proto says so.
std::string root_url(const Call& call);

// gradio_config.cpp
boost::json::object app_config(const Pod& pod, const Call& call, std::string_view version,
                               std::string_view prefix);
boost::json::object app_info();

// gradio_queue.cpp: a job from the body of queue/join or of call/FUNCTION
Reply join(Pod& pod, const Call& call, Function function, boost::json::array data, std::string session,
           std::string prefix);
Reply session_stream(Pod& pod, std::string session);
Reply call_stream(Pod& pod, std::string event_id);
Reply heartbeat_stream();
Reply cancel(Pod& pod, const Call& call);

// What function answers at once, without the queue.
boost::json::array run_light(Pod& pod, Function function, const boost::json::array& data, TimePoint now);

}  // namespace simulator::gradio
