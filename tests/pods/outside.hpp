// What tests against real processes share: an io_context that runs until something is so, and looks at /proc.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <chrono>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pods/driver.hpp"

namespace pods::testing {

inline constexpr std::chrono::seconds patience{60};  // only a failing test waits so long

// A name that no other run of these tests uses at the same time.
inline std::string unique(const std::string& name) {
    return name + "-" + std::to_string(::getpid()) + "-1";
}

// Runs the io_context until the condition holds. False: it never did.
inline bool eventually(asio::io_context& io, const std::function<bool()>& holds) {
    const auto deadline = Clock::now() + patience;
    while (!holds()) {
        if (Clock::now() > deadline) return false;
        io.restart();
        io.run_for(std::chrono::milliseconds{5});
    }
    return true;
}

template <class T>
T run(asio::io_context& io, asio::awaitable<T> task) {
    std::optional<T> result;
    std::exception_ptr trouble;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr error, T value) {
        trouble = error;
        result = std::move(value);
    });
    if (!eventually(io, [&] { return result.has_value() || trouble; }))
        throw std::runtime_error("it never ended");
    if (trouble) std::rethrow_exception(trouble);
    return std::move(*result);
}

inline void run(asio::io_context& io, asio::awaitable<void> task) {
    bool is_done = false;
    asio::co_spawn(io, std::move(task), [&](std::exception_ptr) { is_done = true; });
    if (!eventually(io, [&] { return is_done; })) throw std::runtime_error("it never ended");
}

// A folder that goes away with the test.
class Folder {
public:
    Folder();
    ~Folder();
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

std::string read_file(const std::filesystem::path& path);

// Live processes whose environment holds the line, e.g. "POD_NAME=a".
std::vector<pid_t> processes_with(const std::string& variable);

// Children of this process that have ended and that nobody has waited for.
int zombies();

// A pod that runs `script` in /bin/sh.
PodSpec shell_pod(std::uint64_t id, const std::string& name, const std::string& script);

// argv[1] of this binary that makes it a gateway with one pod, for a test to kill.
inline constexpr std::string_view gateway_command = "test-gateway";
int gateway_main(int argc, char** argv);

// Children in the background, grandchildren in sessions of their own, one of which ignores SIGTERM: five
// processes.
inline const std::string family =
    "sleep 1000 & setsid sleep 1000 & "
    "(trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 1000; :') & "
    "wait";

}  // namespace pods::testing
