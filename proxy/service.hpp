// What traffic goes by: immutable, made by control, swapped whole at a reload. A request keeps the one it
// began with.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "manifest/configuration.hpp"
#include "proxy/gate.hpp"
#include "proxy/heartbeats.hpp"
#include "proxy/jobs.hpp"
#include "proxy/metrics.hpp"
#include "proxy/tracing/context.hpp"
#include "proxy/traffic/head.hpp"
#include "proxy/traffic/spool.hpp"
#include "router/routes.hpp"
#include "router/rules.hpp"

namespace proxy {

class AccessKeys;

// One service's current revision.
struct Service {
    std::string name_space, name, revision;
    std::string key;  // "namespace/name"
    std::shared_ptr<Gate> gate;
    std::shared_ptr<ServiceMetrics> metrics;
    router::Affinity affinity;
    router::Profile profile = router::Profile::automatic;
    std::shared_ptr<const router::Rules> rules;      // the profile's, with the user's before them
    Duration timeout{};                              // the pod's work, from the moment it has the request
    std::optional<Duration> response_start_timeout;  // until its first octet
    std::optional<Duration> idle_timeout;            // between two octets of its answer
    int retry = 1;
    bool interrupt_on_disconnect = false;  // a pod is told to stop when its client has left
    std::shared_ptr<Jobs> jobs;
    std::shared_ptr<Heartbeats> heartbeats;
    std::shared_ptr<const AccessKeys> keys;  // that open it; empty: it is open
};

struct Routing {
    router::Routes routes;
    std::vector<std::shared_ptr<const Service>> services;
    manifest::Limits limits;
    manifest::Timeouts timeouts;
    HeadLimits head_limits;
    Spool::Settings request_spool, response_spool;
    std::vector<std::pair<asio::ip::address, int>> trusted_proxies;  // network and prefix length
    std::optional<Sampling> tracing;                                 // empty: off

    bool trusts(const asio::ip::address& peer) const;
};

// 10.0.0.0/8, ::1, 192.0.2.1; empty if it is none of that.
std::optional<std::pair<asio::ip::address, int>> parse_network(std::string_view);

}  // namespace proxy
