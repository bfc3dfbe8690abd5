/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A bus for tests of plugins: its clock stands still until the test moves it, its peers are connected without a network, and
 * what it routes can be pulled out one by one. Every wait has a deadline of ten seconds, after which the test fails. Link
 * pkg-config hawser-harness-1. Context: the one that was thread-default when it was made; nothing else may run that. */

#include <hawser/hawser.h>

G_BEGIN_DECLS

typedef struct _HawserHarness HawserHarness;
typedef struct _HawserHarnessPeer HawserHarnessPeer;

/* An open bus: whoever connects may do anything. */
HAWSER_AVAILABLE_IN_ALL
HawserHarness     *hawser_harness_new              (void);
/* The same with a listener for @protocol, whose properties are set. */
HAWSER_AVAILABLE_IN_ALL
HawserHarness     *hawser_harness_new_for_protocol (HawserProtocol      *protocol);
/* The same for the protocol that plugins call @type. */
HAWSER_AVAILABLE_IN_ALL
HawserHarness     *hawser_harness_new_for_type     (const char          *type);
/* Ends everything, and fails the test if a connection is left over. */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_free             (HawserHarness       *self);

/* ---- Peers: the other side of the protocol ---- */
HAWSER_AVAILABLE_IN_ALL
HawserHarnessPeer *hawser_harness_dial             (HawserHarness       *self);
/* @len: -1 for text. */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_peer_push        (HawserHarnessPeer   *peer,
                                                    const void          *data,
                                                    gssize               len);
/* Byte by byte, each in a turn of its own. */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_peer_push_split  (HawserHarnessPeer   *peer,
                                                    const void          *data,
                                                    gssize               len);
/* The next @n bytes; (transfer full), terminated. */
HAWSER_AVAILABLE_IN_ALL
char              *hawser_harness_peer_pull        (HawserHarnessPeer   *peer,
                                                    gsize                n);
/* Fails the test unless the next bytes are these. */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_peer_expect      (HawserHarnessPeer   *peer,
                                                    const void          *data,
                                                    gssize               len);
/* Fails the test unless nothing more comes and the connection ends. */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_peer_expect_end  (HawserHarnessPeer   *peer);
/* Goes away; the bus has noticed when this returns. */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_peer_close       (HawserHarnessPeer   *peer);

/* ---- The bus ---- */
/* From now on what matches @filter can be pulled. */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_watch            (HawserHarness       *self,
                                                    const char          *filter);
/* The next message that was watched for; (transfer full). */
HAWSER_AVAILABLE_IN_ALL
HawserMessage     *hawser_harness_pull             (HawserHarness       *self);
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_publish          (HawserHarness       *self,
                                                    const char          *topic,
                                                    const char          *text);
/* A started runner: what matches @filter is written to @sink. (transfer none) */
HAWSER_AVAILABLE_IN_ALL
HawserSinkRunner  *hawser_harness_add_sink         (HawserHarness       *self,
                                                    HawserSink          *sink,
                                                    const char          *filter);
/* Writes what is queued to all sinks, and stops them. */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_drain            (HawserHarness       *self);

/* ---- Time ---- */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_advance          (HawserHarness       *self,
                                                    gint64               us);
/* Until nothing is left to do. */
HAWSER_AVAILABLE_IN_ALL
void               hawser_harness_run              (HawserHarness       *self);
HAWSER_AVAILABLE_IN_ALL
HawserBus         *hawser_harness_get_bus          (HawserHarness       *self);
HAWSER_AVAILABLE_IN_ALL
HawserListener    *hawser_harness_get_listener     (HawserHarness       *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HawserHarness, hawser_harness_free)

G_END_DECLS
