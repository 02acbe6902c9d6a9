// Pods as processes of this machine, each below a keeper (keeper.hpp): none outlives the gateway, none stays
// a zombie. The binary must route "pod-keeper" to keeper_main.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>

#include "pods/driver.hpp"
#include "pods/handover.hpp"
#include "pods/settings.hpp"

namespace pods {

// All on the thread that runs the io_context. Destroy it before the io_context.
class ProcessDriver : public Driver {
public:
    // Logs go to `<settings.log_dir or state_dir/logs>/<pod name>.log`.
    ProcessDriver(asio::io_context& io, ProcessSettings settings, std::filesystem::path state_dir);
    ~ProcessDriver() override;  // kills every pod and waits for its end

    // Failure reasons: ErrImagePull (nothing says how the image runs), InsufficientGPU, NoPort, FailedStart.
    asio::awaitable<std::variant<Started, Failure>> start(PodSpec spec) override;
    asio::awaitable<void> stop(PodId pod, std::chrono::milliseconds grace) override;
    asio::awaitable<Executed> execute(PodId pod, std::vector<std::string> command,
                                      std::chrono::milliseconds limit) override;
    void promise(PodId pod, const Started& started) override;
    void forget_promise(PodId pod) override;
    void adopt(PodSpec spec, Handed handed) override;
    std::optional<Handed> release(PodId pod) override;
    std::vector<Listed> list() const override;

    // Bounded by the GPUs, if they are dealt out.
    std::optional<int> room_for(const std::string& service, const Container& container) const override;

private:
    struct Running;
    struct State;

    static std::variant<std::shared_ptr<Running>, Failure> launch(State& state, const PodSpec& spec);
    static std::optional<Failure> run(State& state, const PodSpec& spec, Running& pod);
    static asio::awaitable<void> watch(ProcessDriver* driver, std::shared_ptr<State> state,
                                       std::shared_ptr<Running> pod);

    std::shared_ptr<State> state_;  // shared with the coroutines that wait for the ends of pods
};

}  // namespace pods
