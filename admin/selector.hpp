// labelSelector and fieldSelector of the Kubernetes API, as far as they compare for equality. Pure.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace admin {

class Selector {
public:
    // Both throw std::invalid_argument with a sentence about what is not understood.
    static Selector labels(std::string_view text);  // "app=x,tier!=y,key,!key"
    static Selector fields(std::string_view text);  // "metadata.name=x"; only fields that never change

    bool matches(const boost::json::object&) const;

private:
    enum class Test { equal, differs, exists, missing };
    struct Term {
        std::vector<std::string> path;
        Test test;
        std::string value;
    };
    static std::vector<std::pair<std::string, Term>> split(std::string_view text);

    std::vector<Term> terms_;
};

}  // namespace admin
