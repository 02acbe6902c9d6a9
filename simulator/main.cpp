// sd-simulator: a pod with a GPU and a Stable Diffusion WebUI, simulated.
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "simulator/dialect.hpp"
#include "simulator/server.hpp"

int main(int argc, char** argv) {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a log file or a test reads along
    const auto parsed = simulator::parse_options(
        {argv + 1, argv + argc}, [](const std::string& name) { return std::getenv(name.c_str()); });
    if (const auto* wrong = std::get_if<std::string>(&parsed)) {
        std::fprintf(stderr, "sd-simulator: %s\n", wrong->c_str());
        return 2;
    }
    const auto& options = std::get<simulator::Options>(parsed);
    if (options.help) {
        std::fputs(simulator::help_text().c_str(), stdout);
        return 0;
    }
    if (!options.ignored.empty()) {
        std::string flags;
        for (const std::string& flag : options.ignored) flags += " " + flag;
        std::printf("Ignoring flags of the real WebUI:%s\n", flags.c_str());
    }
    std::signal(SIGPIPE, SIG_IGN);
    if (options.pid1) std::signal(SIGTERM, SIG_IGN);  // otherwise SIGTERM ends the process at once
    // Thousands of held connections must not stop at a shell's soft limit.
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &files);
    }
    try {
        const auto start = simulator::Clock::now();
        const auto epoch = std::chrono::system_clock::now();
        boost::asio::io_context context(1);
        simulator::Pod pod(options, start, epoch);
        simulator::Server server(context, pod, *simulator::find_dialect(options.dialect), [](int status) {
            std::fflush(nullptr);
            ::_exit(status);
        });
        server.start();
        context.run();
    } catch (const boost::system::system_error& error) {
        std::fprintf(stderr, "sd-simulator: cannot listen on port %d: %s\n", int{options.port},
                     error.code().message().c_str());
        return 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "sd-simulator: %s\n", error.what());
        return 1;
    }
    return 0;
}
