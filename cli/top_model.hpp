// What `pilotlight top` knows: the dashboard's timeline and the frames that follow it, folded. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

// Milliseconds since 1970, as the gateway counts them: what is shown does not depend on our own clock.
using GatewayTime = std::int64_t;

struct TopWork {  // a request that a pod works on
    std::string id, client;
    double seconds = 0;
};

struct TopPod {
    struct Change {
        GatewayTime at;
        std::string state;  // admin/lanes.hpp: waiting, starting, idle, busy, draining, failed, gone
    };
    std::string service, name, state, message;
    int sessions = 0, restarts = 0;
    std::vector<TopWork> work;
    std::deque<Change> changes;  // oldest first
    GatewayTime since = 0;       // in this state
};

struct TopQueued {
    std::string client, bound;
    double seconds = 0;
};

struct TopGeneration {  // that has ended
    std::string id, client, service, pod;
    int status = 0;
    double total = 0;
};

struct TopService {
    std::string name, revision, host, reason;
    int wanted = 0, ready = 0, starting = 0, running = 0, waiting = 0, min_scale = 0, max_scale = 0;
    bool crash_looping = false;
    std::vector<TopQueued> queue;  // those who have waited longest
    double oldest_wait() const;
};

struct TopState {
    GatewayTime time = 0;
    std::string version;
    bool serving = false, draining = false;
    int connections = 0, requests = 0;
    std::vector<TopService> services;
    std::vector<TopPod> pods;
    std::deque<TopGeneration> generations;  // the last few
};

class TopModel {
public:
    static constexpr std::size_t most_changes = 400, most_generations = 20;

    // JSON as the gateway sends it: what is missing or of another type counts as nothing.
    void timeline(std::string_view text);
    bool frame(std::string_view text);  // false: it is none
    const TopState& state() const { return state_; }

private:
    void change(const boost::json::object&);
    void generation(const boost::json::object&);

    TopState state_;
    std::map<std::string, std::deque<TopPod::Change>, std::less<>> changes_;  // by "service/pod"
};

// For programs, on one line. Fields are added, never renamed. Only that service, if there is a name.
std::string top_as_json(const TopState&, std::string_view service);

// Whether "sd" or "default/sd" means this service.
bool is_meant(std::string_view wanted, std::string_view service);

}  // namespace cli
