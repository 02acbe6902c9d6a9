// Typed reading of JSON in which every complaint names its place: "model.start: must be ...". Pure.
#pragma once

#include <boost/json/value.hpp>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>

namespace cli {

// A value of a document, with its path. Error is the exception to throw: one that takes a sentence.
template <class Error>
class JsonField {
public:
    JsonField(const boost::json::value& value, std::string path) : value_(&value), path_(std::move(path)) {}

    [[noreturn]] void fail(const std::string& what) const {
        throw Error((path_.empty() ? "" : path_ + ": ") + what);
    }

    bool null() const { return value_->is_null(); }
    bool is_object() const { return value_->is_object(); }
    bool is_string() const { return value_->is_string(); }
    const std::string& path() const { return path_; }

    std::optional<JsonField> find(const std::string& name) const {
        if (!value_->is_object()) fail("must be an object");
        const auto* found = value_->get_object().if_contains(name);
        if (found == nullptr) return std::nullopt;
        return JsonField(*found, path_.empty() ? name : path_ + "." + name);
    }
    JsonField at(const std::string& name) const {
        if (auto found = find(name)) return *found;
        fail("has no \"" + name + "\"");
    }

    std::size_t size() const {
        if (!value_->is_array()) fail("must be a list");
        return value_->get_array().size();
    }
    JsonField at(std::size_t index) const {
        if (index >= size()) fail("has no element " + std::to_string(index));
        return JsonField(value_->get_array()[index], path_ + "[" + std::to_string(index) + "]");
    }

    double real() const {
        if (!value_->is_number()) fail("must be a number");
        return value_->to_number<double>();
    }
    std::int64_t whole(std::int64_t low, std::int64_t high) const {
        const double number = real();
        if (number != std::floor(number)) fail("must be a whole number");
        if (number < static_cast<double>(low) || number > static_cast<double>(high))
            fail("must be " + std::to_string(low) + " to " + std::to_string(high));
        return static_cast<std::int64_t>(number);
    }
    int integer(int low = std::numeric_limits<int>::min(), int high = std::numeric_limits<int>::max()) const {
        return static_cast<int>(whole(low, high));
    }
    bool flag() const {
        if (!value_->is_bool()) fail("must be true or false");
        return value_->get_bool();
    }
    // 0 and 1 count as well.
    bool truth() const { return value_->is_bool() ? value_->get_bool() : whole(0, 1) == 1; }
    std::string text() const {
        if (!value_->is_string()) fail("must be a text");
        return std::string(value_->get_string());
    }
    // As it would be written in an annotation: a number or a truth value is taken for its text.
    std::string written() const;

    template <class Visit>
    void each(Visit visit) const {
        if (!value_->is_object()) fail("must be an object");
        for (const auto& [name, value] : value_->get_object())
            visit(std::string(name), JsonField(value, path_ + "." + std::string(name)));
    }

private:
    const boost::json::value* value_;
    std::string path_;
};

template <class Error>
std::string JsonField<Error>::written() const {
    if (value_->is_bool()) return value_->get_bool() ? "true" : "false";
    if (value_->is_int64()) return std::to_string(value_->get_int64());
    if (value_->is_uint64()) return std::to_string(value_->get_uint64());
    if (value_->is_double()) {
        char out[40];
        std::snprintf(out, sizeof out, "%.17g", value_->get_double());
        return out;
    }
    return text();
}

}  // namespace cli
