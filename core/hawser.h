/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The umbrella: it only includes. */

#define HAWSER_INSIDE
#include "hawser-types.h"
#include "hawser-version.h"
#include "hawser-error.h"
#include "hawser-units.h"
#include "hawser-clock.h"
#include "hawser-param-spec.h"
#include "hawser-message.h"
#include "hawser-message-builder.h"
#include "hawser-batch.h"
#include "hawser-message-json.h"
#include "hawser-topic-name.h"
#include "hawser-topic-filter.h"
#include "hawser-principal.h"
#include "hawser-policy.h"
#include "hawser-tls.h"
#include "hawser-connection.h"
#include "hawser-sink.h"
#include "hawser-config-problem.h"
#include "hawser-config-group.h"
#include "hawser-config.h"
#ifndef HAWSER_GIR
#include "hawser-utf8.h"
#include "hawser-reader.h"
#include "hawser-buffer.h"
#include "hawser-json.h"
#include "hawser-json-pointer.h"
#include "hawser-json-writer.h"
#include "hawser-message-raw.h"
#include "hawser-topic-raw.h"
#include "hawser-json-line.h"
#include "hawser-cloud-event.h"
#include "hawser-policy-context.h"
#include "hawser-timer.h"
#include "hawser-lane.h"
#include "hawser-connection-io.h"
#include "hawser-backoff.h"
#include "hawser-store.h"
#include "hawser-spool.h"
#endif
#undef HAWSER_INSIDE
