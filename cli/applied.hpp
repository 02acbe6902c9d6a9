// Where objects that came over the API outlive a run: a file for each in <state>/applied, whole or not at all.
#pragma once

#include <boost/json/object.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cli {

class AppliedFiles {
public:
    struct Failure {
        bool full = false;  // no room on the disk, or none for us
        std::string sentence;
    };

    explicit AppliedFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

    // What was kept. A damaged file is said and set aside as *.damaged.
    std::vector<boost::json::object> load() const;

    // `name` is NAMESPACE.KIND.NAME. It is on the disk when this returns, or nothing has changed.
    std::optional<Failure> save(const std::string& name, const boost::json::object& content) const;
    std::optional<Failure> remove(const std::string& name) const;

private:
    std::filesystem::path path_of(const std::string& name) const { return folder_ / (name + ".json"); }
    bool flush_folder() const;

    std::filesystem::path folder_;
};

}  // namespace cli
