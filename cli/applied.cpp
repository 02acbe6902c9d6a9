#include "cli/applied.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "pods/unique_fd.hpp"
#include "proxy/log.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::int64_t version = 1;
constexpr std::uintmax_t longest_record = 4 << 20;

AppliedFiles::Failure failure(const fs::path& path, int error) {
    const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    return {full, fmt::format("the change is not kept and not in force: {} cannot be written: {}",
                              path.string(), std::strerror(error))};
}

// Empty: written, and on the disk.
int write_whole(const fs::path& path, const std::string& text) {
    const pods::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return errno;
    for (std::size_t done = 0; done < text.size();) {
        const auto octets = ::write(file.get(), text.data() + done, text.size() - done);
        if (octets < 0 && errno == EINTR) continue;
        if (octets <= 0) return octets < 0 ? errno : ENOSPC;
        done += static_cast<std::size_t>(octets);
    }
    return ::fsync(file.get()) == 0 ? 0 : errno;
}

std::optional<json::object> read_one(const fs::path& path, std::string& wrong) {
    std::error_code error;
    if (const auto size = fs::file_size(path, error); error || size > longest_record) {
        wrong = error ? error.message() : "it is too long";
        return std::nullopt;
    }
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    json::error_code bad;
    json::parse_options options;
    options.max_depth = 128;
    auto value = json::parse(text, bad, {}, options);
    if (bad || !value.is_object()) {
        wrong = bad ? bad.message() : "it is no object";
        return std::nullopt;
    }
    const auto* made_by = value.get_object().if_contains("version");
    if (made_by == nullptr || !made_by->is_int64() || made_by->get_int64() != version) {
        wrong = fmt::format("its version is not {}", version);
        return std::nullopt;
    }
    return std::move(value.get_object());
}

}  // namespace

std::vector<json::object> AppliedFiles::load() const {
    std::vector<json::object> out;
    std::error_code error;
    std::vector<fs::path> files;
    for (fs::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error))
        if (entry->path().extension() == ".json") files.push_back(entry->path());
    std::ranges::sort(files);
    for (const auto& path : files) {
        std::string wrong;
        if (auto object = read_one(path, wrong)) {
            out.push_back(std::move(*object));
            continue;
        }
        auto aside = path;
        aside += ".damaged";
        fs::rename(path, aside, error);
        log_of(proxy::LogOf::config)
            .error(
                "{} is damaged ({}): what was applied there is not in force; it is set aside as {}, apply it "
                "again",
                path.string(), wrong, aside.filename().string());
    }
    return out;
}

bool AppliedFiles::flush_folder() const {
    const pods::UniqueFd folder(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return folder && ::fsync(folder.get()) == 0;
}

std::optional<AppliedFiles::Failure> AppliedFiles::save(const std::string& name,
                                                        const json::object& content) const {
    std::error_code error;
    fs::create_directories(folder_, error);
    const auto path = path_of(name);
    auto draft = path;
    draft += "~";
    auto whole = content;
    whole["version"] = version;
    if (const int wrong = write_whole(draft, json::serialize(whole) + "\n")) {
        ::unlink(draft.c_str());
        return failure(path, wrong);
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) return failure(path, errno);
    if (!flush_folder())
        log_of(proxy::LogOf::config)
            .warn("{} cannot be flushed to its disk, a power cut may take the last change: {}",
                  folder_.string(), std::strerror(errno));
    return std::nullopt;
}

std::optional<AppliedFiles::Failure> AppliedFiles::remove(const std::string& name) const {
    const auto path = path_of(name);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failure(path, errno);
    if (!flush_folder())
        log_of(proxy::LogOf::config)
            .warn("{} cannot be flushed to its disk, a power cut may take the last change: {}",
                  folder_.string(), std::strerror(errno));
    return std::nullopt;
}

}  // namespace cli
