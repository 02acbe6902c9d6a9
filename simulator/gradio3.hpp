// The page's functions as Gradio 3 offers them: by number, over a WebSocket each (queue/join) or POST
// run/predict. Facts are from gradio 3.41.2 routes.py, queueing.py and blocks.py, and from the WebUI's ui.py
// and call_queue.py, unless said otherwise.
#pragma once

#include <boost/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "simulator/call.hpp"

namespace simulator::gradio3 {

enum class Kind {
    nothing,       // what the page loads
    generate,      // takes the lock for an image
    count_tokens,  // takes the lock too, for a moment
    interrupt,
    skip,
    echo,     // a slider and its number
    restore,  // the result of a task, for a page that was reloaded; waits for its end
};

struct Function {
    std::string_view api_name;  // may be empty
    Kind kind;
    bool queued;  // false: by POST run/predict only
    std::string_view trigger;
    std::span<const int> inputs, outputs;  // ids of components
};

// In the order of their fn_index.
std::span<const Function> functions();
const Function* find_function(std::int64_t index);
const Function* find_function(std::string_view api_name);

// The job of a generation, whose reply is the output's data as a JSON array; or why there is none.
std::variant<Reply, Job> generation(Pod& pod, const Function& function, const boost::json::array& data);

// The task id in front of a generation's data, if there is one (call_queue.py wrap_gradio_gpu_call).
std::string task_of(const boost::json::array& data);

// What the others answer, without waiting.
boost::json::array run_light(Pod& pod, const Function& function, const boost::json::array& data,
                             TimePoint now);

// Routes.
Reply config(Pod& pod, const Call& call);
Reply info(Pod& pod, const Call& call);
std::variant<Reply, Job> predict(Pod& pod, const Call& call);
Reply reset(Pod& pod, const Call& call);
boost::asio::awaitable<void> queue_join(Server& server, WebSocket& socket, const Call& call);

}  // namespace simulator::gradio3
