// SD.Next: AUTOMATIC1111's API and Gradio 3 page, and the log that its page asks for every five seconds.
#include <boost/json.hpp>

#include "simulator/dialect.hpp"
#include "simulator/pod.hpp"

namespace simulator {
namespace {

Reply log(Pod& pod, const Call&) {
    boost::json::array lines;
    for (const std::string& task : pod.finished()) lines.emplace_back("Processed: " + task);
    return Reply::json(boost::json::serialize(lines));
}

constexpr Route extras[] = {
    {http::verb::get, "/sdapi/v1/log", 'L', Mounted::with_the_api, true, &log},
};

}  // namespace

Dialect sdnext() {
    static const auto routes = [] {
        std::vector<Route> all(std::begin(extras), std::end(extras));
        for (const Route& route : a1111().routes) all.push_back(route);
        return all;
    }();
    return {"sdnext", routes};
}

}  // namespace simulator
