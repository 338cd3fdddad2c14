"""Sentences of the advice."""

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "advice": "Make {constraint} alike, first by {method}.",
        "then": "If that does not do: {methods}.",
        "conflicts": "Not all can be had together.",
        "curve": "Look at the whole curve of accuracy against gap before you choose, and at the intervals.",
        "equal_opportunity": "the rate at which true positives are found (equal opportunity)",
        "equalised_odds": "the rates of true and of false positives (equalised odds)",
        "demographic_parity": "the share of positive decisions (demographic parity)",
        "reweighing": "reweighing",
        "penalty": "a penalty in training",
        "Lagrangian": "a constraint in training (Lagrangian)",
        "circuit": "cutting the attribute out of the circuit",
        "thresholds by group": "thresholds by group",
        "one threshold": "another single threshold",
        "more data": "better data of the group",
        "measure more": "measuring the group as often as the others",
        "evidence": "getting evidence from outside the data (some labels checked, or how the input is measured)",
        "nothing": "leaving the model as it is, and watching the gap",
        "stakes missed": "Who is missed is harmed here, so true positives count.",
        "stakes both": "Errors of both kinds do harm here.",
        "stakes share": "What is handed out is to reach all groups alike, whatever the records say.",
        "kind labels": "The records deny the group some of its positives: what is learnt before or during training "
        "can mend that, while rates of false positives against such records are themselves wrong.",
        "kind representation": "Members of the group are lacking in the data: weights stretch the few there are, and "
        "do not replace the others.",
        "kind measurement": "The group is measured with more noise or an offset: no constraint brings back what was "
        "not measured; repair the instrument if you can.",
        "kind sampling rate": "The group is measured more rarely: measure it as often if you can. Weights, "
        "prices and thinning the others were not seen to help; a constraint moves errors, it does not make up for what "
        "was not seen.",
        "doubtful": "The data alone cannot tell this from a true difference between the groups, against which a remedy "
        "gains nothing and may cost accuracy: do not act on it before there is evidence.",
        "kind proxy": "An input tells who belongs to the group: it can be found in the circuit and cut out.",
        "kind none": "No bias of the data was found; that is no proof that there is none.",
        "attribute allowed": "Each decision may read the attribute, so that thresholds by group are open to you.",
        "attribute not allowed": "No decision may read the attribute: it is used in training only.",
        "cost gains": "On records that are biased you will lose accuracy; against the truth you may gain it.",
        "cost some": "Expect to lose some accuracy.",
        "cost none": "It costs nothing.",
        "odds of biased labels": "Equal odds against biased records keep a part of the wrong.",
        "parity of biased labels": "Equal shares do not depend on the records, and are only just where true rates are "
        "alike.",
        "opportunity leaves false alarms": "Equal opportunity leaves false alarms free to differ.",
        "parity and odds": "Positives are not equally frequent in the groups, so equal shares of decisions and equal "
        "odds exclude each other, unless the model knows nothing.",
        "calibration and odds": "For the same reason scores that mean the same in every group and equal odds exclude "
        "each other, unless the model makes no error.",
        "few positives": "The smallest group has {least} positives: a rate of so few is mostly chance, and a price on "
        "it teaches chance; join groups, or gather more.",
        "collapse": "Read balanced accuracy beside the gap: a model that decides one way for all has no gap, and helps "
        "nobody.",
        "search best": "Of {count} models the most accurate is {best} (accuracy {accuracy:.3f}, gap {gap:.3f}); in "
        "brackets the balanced accuracy.",
        "search collapsed": "{count} decided one way for nearly all and were not considered, however narrow their gap: "
        "{names}.",
        "search least": "At no more than {tolerance:.1f} points less, {least} has the narrowest gap: {gap:.3f}, "
        "accuracy {accuracy:.3f}.",
        "search same": "No other model within {tolerance:.1f} points has a narrower gap.",
        "search chosen": "It was chosen among many on these series, so its figures flatter it: confirm it on others.",
        "search confirmed": "On other series: gap {gap:.3f} against {old:.3f}, accuracy {accuracy:.3f} against "
        "{before:.3f}.",
    },
    "es": {
        "advice": "Iguale {constraint}, primero mediante {method}.",
        "then": "Si no basta: {methods}.",
        "conflicts": "No se puede tener todo a la vez.",
        "curve": "Mire toda la curva de exactitud frente a brecha antes de elegir, y los intervalos.",
        "equal_opportunity": "la tasa con que se encuentran los positivos verdaderos (igualdad de oportunidades)",
        "equalised_odds": "las tasas de positivos verdaderos y falsos (igualdad de probabilidades)",
        "demographic_parity": "la proporción de decisiones positivas (paridad demográfica)",
        "reweighing": "reponderación",
        "penalty": "una penalización al entrenar",
        "Lagrangian": "una restricción al entrenar (lagrangiano)",
        "circuit": "quitar el atributo del circuito",
        "thresholds by group": "umbrales por grupo",
        "one threshold": "otro umbral único",
        "more data": "mejores datos del grupo",
        "measure more": "medir al grupo tanto como a los demás",
        "evidence": "conseguir pruebas de fuera de los datos (algunas etiquetas revisadas, o cómo se mide la entrada)",
        "nothing": "dejar el modelo como está y vigilar la brecha",
        "stakes missed": "Aquí el daño es para quien se pasa por alto: cuentan los positivos verdaderos.",
        "stakes both": "Aquí los dos tipos de error hacen daño.",
        "stakes share": "Lo que se reparte debe llegar por igual a todos los grupos, digan lo que digan los registros.",
        "kind labels": "Los registros niegan al grupo parte de sus positivos: lo que se aprende antes o durante el "
        "entrenamiento puede corregirlo, mientras que las tasas de falsos positivos frente a esos registros son "
        "ellas mismas erróneas.",
        "kind representation": "Faltan miembros del grupo en los datos: los pesos estiran los pocos que hay y no "
        "sustituyen a los demás.",
        "kind measurement": "El grupo se mide con más ruido o con un desplazamiento: ninguna restricción devuelve lo "
        "que no se midió; repare el instrumento si puede.",
        "kind sampling rate": "El grupo se mide con menos frecuencia: mídalo igual si puede. No se vio que ayudaran "
        "ni pesos, ni precios, ni quitar pasos a los demás; una restricción mueve los errores, no suple lo que no "
        "se vio.",
        "doubtful": "Los datos solos no distinguen esto de una diferencia verdadera entre los grupos, contra la cual "
        "un remedio no gana nada y puede costar exactitud: no actúe antes de tener pruebas.",
        "kind proxy": "Una entrada revela quién pertenece al grupo: se puede encontrar en el circuito y quitar.",
        "kind none": "No se encontró sesgo en los datos; eso no prueba que no lo haya.",
        "attribute allowed": "Cada decisión puede leer el atributo: los umbrales por grupo son posibles.",
        "attribute not allowed": "Ninguna decisión puede leer el atributo: solo se usa al entrenar.",
        "cost gains": "Frente a registros sesgados perderá exactitud; frente a la verdad puede ganarla.",
        "cost some": "Cuente con perder algo de exactitud.",
        "cost none": "No cuesta nada.",
        "odds of biased labels": "Igualar las tasas frente a registros sesgados conserva parte de la injusticia.",
        "parity of biased labels": "La paridad no depende de los registros, y solo es justa donde las tasas "
        "verdaderas son iguales.",
        "opportunity leaves false alarms": "La igualdad de oportunidades deja que difieran las falsas alarmas.",
        "parity and odds": "Los positivos no son igual de frecuentes en los grupos: la misma proporción de decisiones "
        "y las mismas tasas se excluyen, salvo que el modelo no sepa nada.",
        "calibration and odds": "Por lo mismo se excluyen puntuaciones que significan lo mismo en cada grupo y tasas "
        "iguales, salvo que el modelo no se equivoque.",
        "few positives": "El grupo más pequeño tiene {least} positivos: una tasa de tan pocos es sobre todo azar, y "
        "una penalización sobre ella enseña azar; una grupos o reúna más datos.",
        "collapse": "Lea la exactitud equilibrada junto a la brecha: un modelo que decide lo mismo para todos no tiene "
        "brecha y no ayuda a nadie.",
        "search best": "De {count} modelos el más exacto es {best} (exactitud {accuracy:.3f}, brecha {gap:.3f}); "
        "entre corchetes, la exactitud equilibrada.",
        "search collapsed": "{count} decidieron lo mismo para casi todos y no se consideraron, por estrecha que fuera "
        "su brecha: {names}.",
        "search least": "Con no más de {tolerance:.1f} puntos menos, {least} tiene la brecha más estrecha: "
        "{gap:.3f}, exactitud {accuracy:.3f}.",
        "search same": "Ningún otro modelo a menos de {tolerance:.1f} puntos tiene una brecha más estrecha.",
        "search chosen": "Se eligió entre muchos con estas series, así que sus cifras lo favorecen: confírmelo con "
        "otras.",
        "search confirmed": "En otras series: brecha {gap:.3f} frente a {old:.3f}, exactitud {accuracy:.3f} frente a "
        "{before:.3f}.",
    },
}
