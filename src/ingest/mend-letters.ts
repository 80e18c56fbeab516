// What the commands of the dead letter queue need; they load it only when they run.
export { correctFromFile, type FileCorrections } from './correct-from-file';
export { exportHeader, exportLine } from './export-letters';
export { checkLetter } from './letter-checker';
export { correctedTexts, correctionOf, fieldsOfLetter, type LetterFields } from './letter-fields';
