/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subscriptions of this process: a receiver on the bus's lane that gathers messages into a batch, and one source on the
 * context that subscribed, which hands the batch over. So a callback never runs inside a publish call, and a script
 * pays one crossing a batch. The two sides share a lock for the moment of handing over. */

#include "hawser-bus.h"

#include <string.h>

#include "hawser-batch.h"
#include "hawser-lane-private.h"
#include "hawser-receiver.h"
#include "hawser-topic-filter.h"

#define MAX_BATCH 1000   /* messages that may wait for the callback before the bus's own queue is used */

/* ---- A filter and a function ---- */

#define HAWSER_TYPE_FUNCTION_SUBSCRIPTION (hawser_function_subscription_get_type ())
G_DECLARE_FINAL_TYPE (HawserFunctionSubscription, hawser_function_subscription, HAWSER, FUNCTION_SUBSCRIPTION, GObject)

struct _HawserFunctionSubscription {
  GObject parent_instance;
  char *filter;
  HawserMessageFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
};

static char *
dup_filter (HawserSubscription *subscription)
{
  return g_strdup (HAWSER_FUNCTION_SUBSCRIPTION (subscription)->filter);
}

static void
call_function (HawserSubscription *subscription, HawserBatch *batch)
{
  HawserFunctionSubscription *self = HAWSER_FUNCTION_SUBSCRIPTION (subscription);

  for (guint i = 0; i < hawser_batch_get_size (batch) && self->func != NULL; i++)
    self->func (hawser_batch_get_message (batch, i), self->user_data);
}

static void
function_ended (HawserSubscription *subscription)
{
  HawserFunctionSubscription *self = HAWSER_FUNCTION_SUBSCRIPTION (subscription);
  GDestroyNotify destroy = g_steal_pointer (&self->destroy);

  self->func = NULL;
  if (destroy != NULL)
    destroy (g_steal_pointer (&self->user_data));
}

static void
subscription_iface_init (HawserSubscriptionInterface *iface)
{
  iface->dup_filter = dup_filter;
  iface->deliver = call_function;
  iface->ended = function_ended;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (HawserFunctionSubscription, hawser_function_subscription, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (HAWSER_TYPE_SUBSCRIPTION, subscription_iface_init))

static void
finalize (GObject *object)
{
  HawserFunctionSubscription *self = HAWSER_FUNCTION_SUBSCRIPTION (object);

  function_ended (HAWSER_SUBSCRIPTION (object));
  g_free (self->filter);
  G_OBJECT_CLASS (hawser_function_subscription_parent_class)->finalize (object);
}

static void
hawser_function_subscription_class_init (HawserFunctionSubscriptionClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = finalize;
}

static void
hawser_function_subscription_init (HawserFunctionSubscription *self)
{
}

static HawserSubscription *
hawser_function_subscription_new (const char *filter, HawserMessageFunc func, gpointer user_data, GDestroyNotify destroy)
{
  HawserFunctionSubscription *self = g_object_new (HAWSER_TYPE_FUNCTION_SUBSCRIPTION, NULL);

  self->filter = g_strdup (filter);
  self->func = func;
  self->user_data = user_data;
  self->destroy = destroy;
  return HAWSER_SUBSCRIPTION (self);
}

/* ---- Handing over ---- */

typedef struct {
  gatomicrefcount ref_count;      /* the receiver's side and the source's side */
  GMutex lock;
  HawserBatch *batch;             /* being gathered; NULL: nothing waits */
  guint64 n_lost;
  gboolean is_full;               /* the receiver is to be resumed when the batch was taken */
  gboolean is_ended;
  GSource *source;                /* the context's; NULL once the context let it go */
  HawserSubscription *subscription;
  HawserLane *lane;
  HawserReceiver *receiver;       /* lane's side; NULL after the end */
} Handover;

typedef struct {
  GSource parent;
  Handover *handover;
} HandoverSource;

static GQuark handover_quark (void);
G_DEFINE_QUARK (hawser-in-process-handover, handover)

static void
handover_unref (Handover *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  hawser_batch_unref (self->batch);
  g_mutex_clear (&self->lock);
  hawser_lane_unref (self->lane);
  g_free (self);
}

static void
resume_on_lane (gpointer data)
{
  Handover *self = data;

  if (self->receiver != NULL)
    hawser_receiver_resume (self->receiver);
  handover_unref (self);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer data)
{
  Handover *self = ((HandoverSource *) source)->handover;
  g_autoptr (HawserSubscription) subscription = g_object_ref (self->subscription);
  g_autoptr (HawserBatch) batch = NULL;
  guint64 n_lost;
  gboolean was_full, is_ended;

  g_source_set_ready_time (source, -1);
  g_mutex_lock (&self->lock);
  batch = g_steal_pointer (&self->batch);
  n_lost = self->n_lost;
  self->n_lost = 0;
  was_full = self->is_full;
  self->is_full = FALSE;
  is_ended = self->is_ended;
  g_mutex_unlock (&self->lock);

  if (n_lost > 0)
    hawser_subscription_lost (subscription, n_lost);
  if (batch != NULL)
    hawser_subscription_deliver (subscription, batch);
  if (was_full && !is_ended)
    {
      g_atomic_ref_count_inc (&self->ref_count);
      hawser_lane_post (self->lane, resume_on_lane, self);
    }
  if (is_ended)
    {
      hawser_subscription_ended (subscription);
      return G_SOURCE_REMOVE;
    }
  return G_SOURCE_CONTINUE;
}

static void
finalize_source (GSource *source)
{
  Handover *self = ((HandoverSource *) source)->handover;
  HawserSubscription *subscription;

  g_mutex_lock (&self->lock);
  subscription = g_steal_pointer (&self->subscription);
  self->source = NULL;
  g_mutex_unlock (&self->lock);
  g_object_unref (subscription);
  handover_unref (self);
}

/* With the lock held. */
static void
wake (Handover *self)
{
  if (self->source != NULL)
    g_source_set_ready_time (self->source, 0);
}

static GSourceFuncs source_funcs = { .dispatch = dispatch, .finalize = finalize_source };

static HawserDeliverResult
gather (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  Handover *self = data;
  HawserDeliverResult result = HAWSER_DELIVER_DONE;
  gboolean is_first = FALSE;

  g_mutex_lock (&self->lock);
  if (self->batch != NULL && hawser_batch_get_size (self->batch) >= MAX_BATCH)
    {
      self->is_full = TRUE;
      result = HAWSER_DELIVER_BUSY;
    }
  else
    {
      is_first = self->batch == NULL;
      if (is_first)
        self->batch = hawser_batch_new ();
      hawser_batch_add (self->batch, delivery->message);
      if (is_first)
        wake (self);
    }
  g_mutex_unlock (&self->lock);

  if (result == HAWSER_DELIVER_DONE && delivery->position != 0)
    hawser_receiver_ack (receiver, delivery->position);
  return result;
}

static void
note_lost (HawserReceiver *receiver, gpointer data, guint64 n)
{
  Handover *self = data;

  g_mutex_lock (&self->lock);
  self->n_lost += n;
  wake (self);
  g_mutex_unlock (&self->lock);
}

static void
on_ended (HawserReceiver *receiver, gpointer data, HawserError reason)
{
  Handover *self = data;

  self->receiver = NULL;
  g_mutex_lock (&self->lock);
  self->is_ended = TRUE;
  if (self->subscription != NULL)
    g_object_steal_qdata (G_OBJECT (self->subscription), handover_quark ());
  wake (self);
  g_mutex_unlock (&self->lock);
  handover_unref (self);
}

static const HawserReceiverFuncs receiver_funcs = { gather, note_lost, on_ended };

/* ---- Coming and going ---- */

/**
 * hawser_bus_add_subscription:
 * @self: a bus
 * @subscription: a filter and a receiver of your own making
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (filter), %HAWSER_ERROR_EXISTS (added already).
 * Context: the bus's; @subscription is called on the thread-default context of this call.
 *
 * Returns: %TRUE if messages will come
 * Since: 0.1
 */
gboolean
hawser_bus_add_subscription (HawserBus *self, HawserSubscription *subscription, GError **error)
{
  g_autofree char *filter = hawser_subscription_dup_filter (subscription);
  g_autoptr (HawserTopicFilter) parsed = NULL;
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();
  const HawserSubscribeOptions options = { .qos = HAWSER_QOS_EXACTLY_ONCE };
  Handover *handover;
  int result;

  if (filter == NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "subscription of type %s: has no filter", G_OBJECT_TYPE_NAME (subscription));
      return FALSE;
    }
  parsed = hawser_topic_filter_new (filter, error);
  if (parsed == NULL)
    return FALSE;
  if (g_object_get_qdata (G_OBJECT (subscription), handover_quark ()) != NULL)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS, "subscription '%s': was added already", filter);
      return FALSE;
    }

  handover = g_new0 (Handover, 1);
  g_atomic_ref_count_init (&handover->ref_count);
  g_atomic_ref_count_inc (&handover->ref_count);
  g_mutex_init (&handover->lock);
  handover->lane = hawser_lane_ref (hawser_bus_get_lane (self));
  handover->subscription = g_object_ref (subscription);
  handover->source = g_source_new (&source_funcs, sizeof (HandoverSource));
  ((HandoverSource *) handover->source)->handover = handover;
  g_source_set_static_name (handover->source, "hawser subscription");
  g_source_attach (handover->source, context);
  g_source_unref (handover->source);

  handover->receiver = hawser_receiver_new (self, NULL, 0, NULL);
  hawser_receiver_attach (handover->receiver, NULL, &receiver_funcs, handover);
  g_object_set_qdata (G_OBJECT (subscription), handover_quark (), handover);
  result = hawser_receiver_subscribe (handover->receiver, filter, strlen (filter), &options);
  if (result == HAWSER_RESULT_OK)
    return TRUE;
  g_set_error (error, HAWSER_ERROR, result, "%s", hawser_bus_get_last_refusal (self));
  hawser_bus_unsubscribe (self, subscription);
  return FALSE;
}

/**
 * hawser_bus_subscribe:
 * @self: a bus
 * @filter: topic filter with `+` and `#`
 * @func: (scope notified) (closure user_data) (destroy destroy): called for each message, retained values first
 * @user_data: data for @func
 * @destroy: (nullable): called with @user_data when the subscription ended
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_INVALID (filter).
 * Context: the bus's; @func runs on the thread-default context of this call.
 *
 * Returns: (transfer full) (nullable): the subscription, for hawser_bus_unsubscribe(); it lives without this reference
 * Since: 0.1
 */
HawserSubscription *
hawser_bus_subscribe (HawserBus *self, const char *filter, HawserMessageFunc func, gpointer user_data, GDestroyNotify destroy, GError **error)
{
  g_autoptr (HawserSubscription) subscription = hawser_function_subscription_new (filter, func, user_data, destroy);

  return hawser_bus_add_subscription (self, subscription, error) ? g_steal_pointer (&subscription) : NULL;
}

/**
 * hawser_bus_unsubscribe:
 * @self: a bus
 * @subscription: what hawser_bus_subscribe() returned or hawser_bus_add_subscription() took
 *
 * Ends the subscription. A batch that was handed over before may still be delivered; then it is told that it ended.
 *
 * Context: the bus's.
 *
 * Since: 0.1
 */
void
hawser_bus_unsubscribe (HawserBus *self, HawserSubscription *subscription)
{
  Handover *handover = g_object_steal_qdata (G_OBJECT (subscription), handover_quark ());

  if (handover != NULL && handover->receiver != NULL)
    hawser_receiver_remove (handover->receiver); /* on_ended() follows, and the source ends the rest */
}
