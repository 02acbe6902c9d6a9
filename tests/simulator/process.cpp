#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace simulator_test {
namespace {

constexpr std::chrono::seconds patience{10};

}  // namespace

Process::Process(std::vector<std::string> args, bool expect_port) {
    std::vector<std::string> words{BINARY_DIR "/sd-simulator", "--port=0",       "--id=pod-a",     "--cold=0",
                                   "--mount-delay=0",          "--model-load=0", "--service=0.02", "--cv=0",
                                   "--png-bytes=20000"};
    words.insert(words.end(), args.begin(), args.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);

    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(ends[1], STDOUT_FILENO);
        ::execv(argv[0], argv.data());
        ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ends[0];
    if (!expect_port) return;

    std::string seen;
    const auto until = std::chrono::steady_clock::now() + patience;
    const std::string before_port = "Running on local URL:  http://127.0.0.1:";
    while (std::chrono::steady_clock::now() < until) {
        pollfd readable{output_, POLLIN, 0};
        if (::poll(&readable, 1, 1000) <= 0) continue;
        char bytes[1024];
        const auto got = ::read(output_, bytes, sizeof bytes);
        if (got <= 0) break;
        seen.append(bytes, static_cast<std::size_t>(got));
        const auto at = seen.find(before_port);
        if (at == std::string::npos || seen.find('\n', at) == std::string::npos) continue;
        port_ = static_cast<std::uint16_t>(std::stoi(seen.substr(at + before_port.size())));
        return;
    }
    ::kill(pid_, SIGKILL);
    wait();
    ::close(output_);
    throw std::runtime_error("sd-simulator did not open its port; it said: " + seen);
}

Process::~Process() {
    if (status_ < 0) {
        ::kill(pid_, SIGKILL);
        wait();
    }
    ::close(output_);
}

void Process::signal(int number) const {
    ::kill(pid_, number);
}

int Process::wait() {
    if (status_ >= 0) return status_;
    int status = 0;
    const auto until = std::chrono::steady_clock::now() + patience;
    while (::waitpid(pid_, &status, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > until) ::kill(pid_, SIGKILL);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return status_;
}

bool Process::alive() const {
    return status_ < 0 &&
           ::waitid(P_PID, static_cast<id_t>(pid_), nullptr, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ::kill(pid_, 0) == 0;
}

Client::Client(std::uint16_t port) : stream_(context_) {
    stream_.socket().connect({asio::ip::address_v4::loopback(), port});
}

boost::system::error_code Client::run(
    std::function<void(std::function<void(boost::system::error_code)>)> begin) {
    boost::system::error_code result;
    stream_.expires_after(patience);
    begin([&](boost::system::error_code error) { result = error; });
    context_.restart();
    context_.run();
    return result;
}

void Client::send(http::verb method, const std::string& target, const std::string& body,
                  const std::vector<std::pair<std::string, std::string>>& headers) {
    http::request<http::string_body> request(method, target, 11);
    request.set(http::field::host, "pod.test");
    for (const auto& [name, value] : headers) request.set(name, value);
    request.body() = body;
    request.prepare_payload();
    last_method_ = method;
    const auto error = run([&](auto done) {
        http::async_write(stream_, request, [done](boost::system::error_code ec, std::size_t) { done(ec); });
    });
    if (error) throw boost::system::system_error(error);
}

boost::system::error_code Client::try_receive(Response& response) {
    http::response_parser<http::string_body> parser;
    parser.skip(last_method_ == http::verb::head);
    const auto error = run([&](auto done) {
        http::async_read(stream_, buffer_, parser,
                         [done](boost::system::error_code ec, std::size_t) { done(ec); });
    });
    response = parser.release();
    return error;
}

Response Client::receive() {
    Response response;
    if (const auto error = try_receive(response)) throw boost::system::system_error(error);
    return response;
}

Response Client::ask(http::verb method, const std::string& target, const std::string& body,
                     const std::vector<std::pair<std::string, std::string>>& headers) {
    send(method, target, body, headers);
    return receive();
}

Response get(std::uint16_t port, const std::string& target) {
    return Client(port).ask(http::verb::get, target);
}

Response post(std::uint16_t port, const std::string& target, const std::string& body) {
    return Client(port).ask(http::verb::post, target, body);
}

json::object stats(std::uint16_t port) {
    return json::parse(get(port, "/stub/stats").body()).as_object();
}

bool eventually(const std::function<bool()>& truth) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!truth()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

}  // namespace simulator_test
