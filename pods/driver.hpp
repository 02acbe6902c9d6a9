// The one interface to whatever makes pods. Everything here runs on the control thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pods/container.hpp"
#include "pods/pod.hpp"

namespace pods {

namespace asio = boost::asio;

struct PodSpec {
    PodId id{};
    std::string name;  // unique among live pods, e.g. "knative-sd-demo-00001-deployment-1"
    std::string name_space;
    std::string service;
    std::string revision;
    Container container;
};

// A pod that the driver started: it has an address, whether or not anything listens there yet.
struct Started {
    Address address;
    std::vector<std::string> gpus;  // what was dealt to it, e.g. {"0"}
    std::string log_file;           // empty: the driver keeps no log
    std::int64_t pid = 0;           // 0: not a process of ours
};

struct Failure {
    std::string
        reason;  // CamelCase, as in Kubernetes' events: "ErrImagePull", "InsufficientGPU", "FailedStart"
    std::string message;  // one sentence: what happened and what to do
};

struct Exit {
    PodId pod{};
    int code = 0;         // exit status; 128 + signal when a signal ended it, as a shell says it
    std::string message;  // one sentence, e.g. "exited with status 1 after 3.2 s", "was killed by signal 9"
};

struct Handed;  // handover.hpp

struct Listed {
    PodId id{};
    Started started;
};

// How a command ended that was run in a pod.
struct Executed {
    int status = -1;      // as a shell says it
    std::string trouble;  // not empty: it did not run to its end; one sentence
};

class Driver {
public:
    virtual ~Driver() = default;

    // Starts a pod. Answers as soon as it has an address; readiness is the probes' question.
    virtual asio::awaitable<std::variant<Started, Failure>> start(PodSpec spec) = 0;

    // SIGTERM, up to `grace`, then SIGKILL; answers when the pod is gone, with every process it made.
    // Unknown: at once.
    virtual asio::awaitable<void> stop(PodId pod, std::chrono::milliseconds grace) = 0;

    // Runs a command beside the pod's own processes, with its environment: an exec probe's. Output is
    // dropped; after `limit` it is killed.
    virtual asio::awaitable<Executed> execute(PodId, std::vector<std::string> /*command*/,
                                              std::chrono::milliseconds /*limit*/) {
        Executed refused;
        refused.trouble = "this driver cannot run a command in a pod";
        co_return refused;
    }

    // --- an upgrade (docs/deployment.md): pods pass from one gateway to the next

    // A pod that another gateway still has, and what it holds: not to be dealt out here. Ends with adopt() or
    // forget().
    virtual void promise(PodId, const Started&) {}
    virtual void forget_promise(PodId) {}
    // It is ours now, and runs.
    virtual void adopt(PodSpec, Handed);
    // It is ours no more. Empty: it cannot be let go now.
    virtual std::optional<Handed> release(PodId);

    // The pods that live now: the truth against which drift is repaired.
    virtual std::vector<Listed> list() const = 0;

    // Called on the control thread, once for each pod that ended, whether it was asked to or not.
    void on_exit(std::function<void(const Exit&)> handler) { exited_ = std::move(handler); }

    // How many pods this driver could start at most right now for such a container, empty if it knows no
    // bound (process: free GPUs / container.gpus; static: free addresses).
    virtual std::optional<int> room_for(const std::string& service, const Container& container) const = 0;

protected:
    std::function<void(const Exit&)> exited_ = [](const Exit&) {};
};

}  // namespace pods
