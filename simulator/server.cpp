#include "simulator/server.hpp"

#include <sys/socket.h>

#include <boost/json.hpp>

#include "simulator/encode.hpp"

namespace simulator {

using asio::as_tuple;
using asio::use_awaitable;

Server::Server(asio::io_context& context, Pod& pod, Dialect dialect, std::function<void(int)> die)
    : context_(context),
      pod_(pod),
      dialect_(dialect),
      die_(std::move(die)),
      acceptor_(context),
      reopened_(context.get_executor()),
      gpu_bell_(context.get_executor()),
      threads_free_(pod.options.threads) {
    pod_.refuse = [this](Duration time) { refuse(time); };
    pod_.changed = [this] { gpu_bell_.ring(); };
    pod_.run_behind = [this](Job job, std::string path) {
        asio::co_spawn(context_, run_behind(std::move(job), std::move(path)), asio::detached);
    };
    if (pod.options.log.empty()) return;
    log_.reset(std::fopen(pod.options.log.c_str(), "a"));
    if (!log_) throw std::runtime_error("cannot write to " + pod.options.log);
    std::setvbuf(log_.get(), nullptr, _IOLBF, 1 << 16);
}

Server::~Server() {
    pod_.refuse = [](Duration) {};
    pod_.changed = [] {};
    pod_.run_behind = [](Job, std::string) {};
}

void Server::start() {
    asio::co_spawn(context_, run(), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
    });
}

void Server::open() {
    const auto any = pod_.options.listen ? asio::ip::address_v4::any() : asio::ip::address_v4::loopback();
    const std::uint16_t port = port_ != 0 ? port_ : pod_.options.port;
    const tcp::endpoint endpoint(any, port);
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(2048);  // uvicorn's backlog
    port_ = acceptor_.local_endpoint().port();
    reopened_.ring();
}

void Server::refuse(Duration time) {
    const std::uint64_t turn = ++refusals_;
    if (Clock::now() < pod_.startup.bind_at) return;
    if (time <= Duration::zero()) {
        if (!acceptor_.is_open()) open();
        return;
    }
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    asio::co_spawn(context_, reopen(time, turn), asio::detached);
}

asio::awaitable<void> Server::reopen(Duration after, std::uint64_t turn) {
    asio::steady_timer timer(context_, after);
    co_await timer.async_wait(as_tuple(use_awaitable));
    if (turn == refusals_ && !acceptor_.is_open()) open();
}

asio::awaitable<void> Server::run() {
    asio::steady_timer timer(context_, pod_.startup.bind_at);
    co_await timer.async_wait(as_tuple(use_awaitable));
    if (pod_.share() < pod_.options.start_fail) {
        std::puts("RuntimeError: the start failed, as --start-fail asked");
        die_(1);
    }
    for (const Fault& fault : pod_.options.faults) {
        if (fault.kind != FaultKind::refuse) continue;
        timer.expires_after(pod_.options.scaled(fault.seconds));
        co_await timer.async_wait(as_tuple(use_awaitable));
    }
    open();
    std::printf("Running on local URL:  http://%s:%d\n", pod_.options.listen ? "0.0.0.0" : "127.0.0.1",
                int{port_});

    constexpr std::size_t most_connections = 16'384;
    while (true) {
        if (!acceptor_.is_open()) {
            co_await reopened_.wait(std::nullopt);
            continue;
        }
        auto [error, socket] = co_await acceptor_.async_accept(as_tuple(use_awaitable));
        if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) continue;
        if (error) {  // out of descriptors, most likely: let some be given back
            timer.expires_after(std::chrono::milliseconds(50));
            co_await timer.async_wait(as_tuple(use_awaitable));
            continue;
        }
        if (pod_.connections >= most_connections) continue;
        asio::co_spawn(context_, serve_connection(*this, std::move(socket)), asio::detached);
    }
}

void Server::crash() {
    for (tcp::socket* socket : sockets_) {
        boost::system::error_code ignored;
        socket->set_option(asio::socket_base::linger(true, 0), ignored);
        socket->close(ignored);
    }
    die_(137);
    std::abort();
}

asio::awaitable<void> Server::hold_gpu(JobId id, double share) {
    while (true) {
        const auto due = pod_.gpu.due(id, share);
        if (due && *due <= Clock::now()) co_return;
        co_await gpu_bell_.wait(due);
    }
}

asio::awaitable<void> Server::work_until(JobId id, double share, const Job& job) {
    const auto whole = job.work.sampling + job.work.decode;
    const double sampling =
        whole > Duration::zero() ? std::chrono::duration<double>(job.work.sampling) / whole : 0;
    const int steps = std::max(1, job.work.steps * job.work.iterations);
    for (int step = 1; job.tell && step <= steps; ++step) {
        const double border = sampling * step / steps;
        if (border > share) break;
        co_await hold_gpu(id, border);
        const auto at = pod_.gpu.progress(Clock::now());
        if (at && at->interrupted) break;
        JobNews news;
        news.kind = JobNews::Kind::step;
        news.step = step;
        news.steps = steps;
        news.now = Clock::now();
        job.tell(news);
        gpu_bell_.ring();
    }
    co_await hold_gpu(id, share);
}

asio::awaitable<void> Server::run_behind(Job job, std::string path) {
    Call call;
    call.path = path;
    call.method = http::verb::post;
    call.now = Clock::now();
    const auto nobody = std::make_shared<bool>(false);
    bool interrupted = false;
    const Reply reply = co_await generate(job, call, nobody, &interrupted);
    if (!job.tell) co_return;
    JobNews news;
    news.kind = JobNews::Kind::ended;
    news.reply = &reply;
    news.interrupted = interrupted;
    news.withdrawn = job.withdrawn && *job.withdrawn;
    news.now = Clock::now();
    job.tell(news);
    gpu_bell_.ring();
}

asio::awaitable<Reply> Server::generate(Job job, Call call, std::shared_ptr<bool> client_gone,
                                        bool* interrupted) {
    const auto strike = [&](FaultKind kind) { return pod_.faults.strike(kind, call.path, true); };
    const Reception reception = pod_.receive();
    if (reception == Reception::crash) crash();
    if (strike(FaultKind::error) || reception == Reception::out_of_memory)
        co_return Reply::json(
            R"({"error":"OutOfMemoryError","detail":"","body":"","errors":"CUDA out of memory. )"
            R"x(Tried to allocate 1024.00 MiB (GPU 0; 15.90 GiB total capacity)"})x",
            http::status::internal_server_error);
    auto crashes = strike(FaultKind::crash);
    const bool hangs = strike(FaultKind::hang).has_value();

    const JobId id = pod_.gpu.arrive(job.task, job.work, call.now, reception == Reception::share);
    pod_.saw_gpu();
    if (reception == Reception::share) gpu_bell_.ring();  // the others have become slower
    while (!pod_.gpu.due(id)) {
        if (job.withdrawn && *job.withdrawn) {
            pod_.gpu.leave(id, Clock::now());
            co_return Reply{};
        }
        co_await gpu_bell_.wait(std::nullopt);
    }
    if (job.tell) {
        JobNews news;
        news.now = Clock::now();
        job.tell(news);
        gpu_bell_.ring();
    }

    Reply reply = job.make();
    if (pod_.options.gzip && call.accepts_gzip && reply.body.size() >= gzip_from) {
        reply.body = gzip(reply.body);
        reply.compressed = true;
    }
    if (const auto oom = strike(FaultKind::oom); oom && pod_.images_made >= oom->images) crashes = oom;
    if (crashes) {
        co_await work_until(id, crashes->at, job);
        crash();
    }
    // It keeps the lock, as the real one would, until the fault is taken back.
    while (hangs && pod_.faults.has(FaultKind::hang)) co_await gpu_bell_.wait(Clock::now() + hang_look);
    co_await work_until(id, 1, job);

    Run run = pod_.gpu.leave(id, Clock::now());
    run.client_gone = *client_gone;
    if (interrupted) *interrupted = run.interrupted;
    pod_.ended(std::move(run));
    pod_.saw_gpu();
    pod_.images_made += static_cast<std::uint64_t>(job.images);
    pod_.stats.images += static_cast<std::uint64_t>(job.images);
    gpu_bell_.ring();
    co_return reply;
}

asio::awaitable<void> Server::hold_briefly(Duration time) {
    Work work;
    work.sampling = time;
    work.steps = 1;
    work.light = true;
    const JobId id = pod_.gpu.arrive("", work, Clock::now());
    pod_.saw_gpu();
    co_await hold_gpu(id, 1);
    pod_.gpu.leave(id, Clock::now());
    pod_.saw_gpu();
    gpu_bell_.ring();
}

asio::awaitable<void> Server::take_thread() {
    if (threads_free_ > 0) {
        --threads_free_;
        co_return;
    }
    const auto turn = std::make_shared<asio::steady_timer>(context_, TimePoint::max());
    thread_line_.push_back(turn);
    co_await turn->async_wait(as_tuple(use_awaitable));  // the thread comes from whoever rings
}

void Server::free_thread() {
    if (thread_line_.empty()) {
        ++threads_free_;
        return;
    }
    thread_line_.front()->expires_at(TimePoint::min());
    thread_line_.pop_front();
}

void Server::write_log(const std::string& line) {
    if (log_) std::fputs(line.c_str(), log_.get());
}

}  // namespace simulator
