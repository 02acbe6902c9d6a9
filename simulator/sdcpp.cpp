#include "simulator/dialect.hpp"
namespace simulator {
Dialect sdcpp() {
    return a1111();
}
}  // namespace simulator
