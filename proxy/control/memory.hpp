// What a revision has learnt, kept in the state directory over restarts: one small file a service. Losing it
// costs money for a while, never correctness, so nothing here fails: it is logged.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace proxy {

class Memory {
public:
    Memory() = default;  // remembers nothing
    explicit Memory(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::optional<std::string> load(const std::string& name_space, const std::string& service) const;
    void store(const std::string& name_space, const std::string& service, const std::string& text) const;

private:
    std::filesystem::path folder_;  // made with the first thing to remember
};

}  // namespace proxy
