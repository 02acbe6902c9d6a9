// The driver that the Gateway manifest asks for.
#pragma once

#include <filesystem>
#include <memory>
#include <variant>

#include "pods/process_driver.hpp"
#include "pods/static_driver.hpp"

namespace pods {

inline std::unique_ptr<Driver> make_driver(asio::io_context& io,
                                           const std::variant<ProcessSettings, StaticSettings>& settings,
                                           const std::filesystem::path& state_dir) {
    if (const auto* listed = std::get_if<StaticSettings>(&settings))
        return std::make_unique<StaticDriver>(*listed);
    return std::make_unique<ProcessDriver>(io, std::get<ProcessSettings>(settings), state_dir);
}

}  // namespace pods
