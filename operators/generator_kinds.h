// The kinds of event generator, each in its own file; EventGenerator::make() chooses.
#pragma once

#include <memory>

#include "operators/generator.h"

namespace rideflow::generator {

std::unique_ptr<EventGenerator> make_rides(const GeneratorOptions& options);
std::unique_ptr<EventGenerator> make_vehicles(const GeneratorOptions& options);
std::unique_ptr<EventGenerator> make_users(const GeneratorOptions& options);
std::unique_ptr<EventGenerator> make_users_schema(const GeneratorOptions& options);

}  // namespace rideflow::generator
