// What a gateway tells the one that takes its place (docs/deployment.md, upgrade): which revisions there are,
// and the pods, each when it is handed over.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pods/handover.hpp"
#include "router/sessions.hpp"

namespace proxy {

// A revision that may go on: the same number as long as it runs the same.
struct OldRevision {
    std::string service;  // "namespace/name"
    int generation = 0;
    std::string fingerprint;  // of what its pods run
    int pods = 0;             // that stay
};

// A pod as its gateway knows it, whoever has it.
struct OldPod {
    std::string service;
    std::string name;  // of the pod
    std::string uid;
    int ordinal = 0;
    int restarts = 0;
    std::int64_t created = 0;  // Unix nanoseconds
    bool ready = false;
    bool stays = true;  // false: it leaves, and is only waited for
    pods::Started started;
};

using OldSessions = std::vector<router::Sessions::Known>;

// The old gateway's side: who is told what becomes of the pods. False: nobody hears.
class PodTaker {
public:
    virtual ~PodTaker() = default;
    virtual bool take(const OldPod&, pods::Handed&) = 0;  // moved from only if it was taken
    virtual void sessions(const std::string& pod_name, const OldSessions&) = 0;  // who live on it
    virtual void gone(const std::string& pod_name) = 0;
};

}  // namespace proxy
