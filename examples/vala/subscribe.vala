/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Subscribes inside this process, publishes one message, prints what comes. Try it:
 *   valac --pkg hawser-1 subscribe.vala && ./subscribe */

int main () {
  var bus = new Hawser.Bus ();
  int n = 0;

  try {
    bus.subscribe ("craft/#", message => {
      print ("%s %s\n", message.get_topic (), message.dup_text ());
      n++;
    });
    var builder = new Hawser.MessageBuilder ("craft/telemetry");
    builder.set_text ("25913.4");
    bus.publish (builder.build ());
  } catch (Error error) {
    printerr ("%s\n", error.message);
    return 1;
  }
  while (n == 0)
    MainContext.default ().iteration (true);
  return 0;
}
